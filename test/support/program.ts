/** Owns which program the suites start: the one that packages contain, where test/run.ts has written it, else the source. */
export const main: string = process.env['TEST_PROGRAM'] ?? new URL('../../src/main.ts', import.meta.url).pathname;
