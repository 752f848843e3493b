/** Owns how a command asks a person on a terminal, and hides what is typed where it's a secret. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

export type Ask = (
  question: string,
  options: { readonly fallback?: string | undefined; readonly hidden?: boolean },
) => Promise<string | undefined>;

/** `undefined` if no one is there to answer: a pipe, a job. */
export function createAsk(input: NodeJS.ReadStream, output: NodeJS.WriteStream): Ask | undefined {
  if (!input.isTTY || !output.isTTY) return undefined;
  return async (question, { fallback, hidden = false }) => {
    let isMuted = false;
    // readline repeats what is typed; of a secret nothing goes through.
    const echo = new Writable({
      write(chunk, _encoding, done) {
        if (!isMuted) output.write(chunk);
        done();
      },
    });
    const lines = createInterface({ input, output: echo, terminal: true });
    const suffix = fallback ? ` [${fallback}]: ` : ': ';
    const answer = lines.question(question + suffix);
    isMuted = hidden;
    const given = (await answer.finally(() => lines.close())).trim();
    if (hidden) output.write('\n');
    return given === '' ? fallback : given;
  };
}
