/** The README, the docs and the other pages of the project: each link leads somewhere, and each command that they show is there with the options that they show. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { runCommand } from '../src/cli/cli.ts';
import { runProgram } from './support/process.ts';

const pages = [...globSync('*.md'), ...globSync('docs/**/*.md')];
const textOf = (page: string): string => readFileSync(page, 'utf8');

/** Blocks of code, and code within a sentence. */
function codeOf(text: string): string[] {
  const blocks = [...text.matchAll(/^```.*\n([\s\S]*?)^```/gm)].map(([, code = '']) => code);
  const spans = [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
  return [...blocks.flatMap((block) => block.replaceAll('\\\n', ' ').split('\n')), ...spans];
}

/** The targets of links and images that are no address of another site. */
function linksOf(text: string): string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]+`/g, '');
  const found = prose.matchAll(/\]\(([^)\s]+)\)|(?:src|href|srcset)="([^"]+)"/g);
  return [...found].map(([, target, source]) => target ?? source ?? '').filter((link) => !/^[a-z]+:/.test(link));
}

/** As GitHub makes them of the headings. */
function anchorsOf(text: string): string[] {
  const headings = [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.+)$/gm)].map(
    ([, words = '']) => words,
  );
  return headings.map((words) =>
    words
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** What a command writes, on both outputs. */
async function say(words: readonly string[]): Promise<string> {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  await runCommand(words, { out: write, err: write, environment: {}, input: Readable.from([]) });
  return lines.join('\n');
}

for (const page of pages) {
  test(`each link of ${page} leads somewhere`, () => {
    const broken = linksOf(textOf(page)).filter((link) => {
      const [path = '', anchor] = link.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      return !existsSync(file) || (anchor !== undefined && !anchorsOf(textOf(file)).includes(anchor));
    });
    assert.deepEqual(broken, []);
  });

  test(`each script that ${page} shows is there`, () => {
    const scripts = codeOf(textOf(page)).flatMap((code) => code.match(/(?<![\w./-])(?:\.\/)?script\/[\w.-]+/g) ?? []);
    assert.deepEqual(
      scripts.filter((script) => !existsSync(script)),
      [],
    );
  });

  test(`each command that ${page} shows is there`, async () => {
    const shown = codeOf(textOf(page)).flatMap((code) => {
      return [...code.matchAll(/(?<!-)\bdockpass (?!dockpass )([a-z][^|#&;]*)/g)].map(([, words = '']) => words.trim());
    });
    const known = [...(await say(['--help'])).matchAll(/^ {2}(\S+(?: \S+)*) {2}/gm)].map(([, words = '']) => words);
    for (const words of shown) {
      const command = known.find((own) => `${words} `.startsWith(`${own} `));
      assert.ok(command !== undefined, `dockpass ${words}`);
      const help = await say([...command.split(' '), '--help']);
      const options = words.match(/(?<=\s)--[a-z-]+/g) ?? [];
      assert.deepEqual(
        options.filter((option) => !help.includes(option)),
        [],
        words,
      );
    }
  });
}

test("the schema of the chart's values has the settings that the service reads", async () => {
  const { code, output } = await runProgram(process.execPath, ['script/chart-schema.ts', '--check']);
  assert.equal(code, 0, output);
});

/** The chunks of a WebP file and what each holds (RFC 9649, section 2.3). */
function chunksOf(file: Buffer): { readonly name: string; readonly content: Buffer }[] {
  const chunks = [];
  for (let at = 12; at < file.length; ) {
    const length = file.readUInt32LE(at + 4);
    chunks.push({ name: file.toString('latin1', at, at + 4), content: file.subarray(at + 8, at + 8 + length) });
    at += 8 + length + (length % 2);
  }
  return chunks;
}

test('the README begins with a recording of the first minute: animated, slow enough to read, at most 2 MB', () => {
  const [, source = '', alt = ''] = /<img src="([^"]+)"[^>]* alt="([^"]+)"/.exec(textOf('README.md')) ?? [];
  assert.equal(source, 'docs/images/first-minute.webp');
  for (const step of ['signs in', 'creates a password', 'pushes', 'Repositories']) assert.ok(alt.includes(step), step);
  const file = readFileSync(source);
  assert.ok(file.length <= 2_000_000, `${file.length} bytes`);
  assert.equal(file.toString('latin1', 8, 12), 'WEBP');
  const durations = chunksOf(file)
    .filter(({ name }) => name === 'ANMF')
    .map(({ content }) => content.readUIntLE(12, 3));
  assert.ok(durations.length >= 10, `${durations.length} frames`);
  assert.ok(durations.filter((duration) => duration >= 1500).length >= 7, `${durations} ms`);
});
