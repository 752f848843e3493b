/** What shows that a command is at work: where someone looks, out of the way of what it writes, and gone before its result. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import type { Streams } from '../../src/cli/command.ts';
import { watchWork } from '../../src/cli/progress.ts';

const second = 1_000;

/** A terminal for standard error: "> text" is what stands in its last line, "out text" and "err text" are what was written. */
function open(t: TestContext, { isShown = true, ...changes }: Partial<Streams> & { isShown?: boolean } = {}) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let clock = 0;
  const seen: string[] = [];
  const streams: Streams = {
    ...{ environment: {}, input: Readable.from([]), showProgress: (text) => seen.push(`> ${text}`) },
    ...{ out: (line) => seen.push(`out ${line}`), err: (line) => seen.push(`err ${line}`), ...changes },
  };
  const { terminal, end } = watchWork(streams, isShown, () => clock);
  return {
    ...{ terminal, end },
    pass(milliseconds: number) {
      clock += milliseconds;
      t.mock.timers.tick(milliseconds);
    },
    /** What has happened since the last look. */
    seen: () => seen.splice(0),
  };
}

test('what the command says is shown, not more often than anyone can read, and removed at the end', (t) => {
  const work = open(t);
  work.terminal.progress('1 of 9 people asked');
  work.terminal.progress('2 of 9 people asked');
  assert.deepEqual(work.seen(), ['> 1 of 9 people asked ...']);
  work.pass(2 * second);
  assert.deepEqual(work.seen().at(-1), '> 2 of 9 people asked ... 2 s');
  work.end();
  work.pass(5 * second);
  assert.deepEqual(work.seen(), ['> ']);
});

test('of a command that says nothing it is shown after two seconds that it works', (t) => {
  const work = open(t);
  work.pass(1 * second);
  assert.deepEqual(work.seen(), []);
  work.pass(1 * second);
  assert.deepEqual(work.seen(), ['> Working ... 2 s']);
});

test('a warning has a line of its own, and the progress goes on below it', (t) => {
  const work = open(t);
  work.terminal.progress('reading');
  work.terminal.err('a warning');
  work.pass(1 * second);
  assert.deepEqual(work.seen(), ['> reading ...', '> ', 'err a warning', '> reading ...']);
});

test('a result on the same terminal, and a question, end it; a result in a file does not', async (t) => {
  const shown = open(t, { screen: { columns: 80, color: false } });
  shown.terminal.out('ID  NAME');
  shown.terminal.progress('1 line written');
  shown.pass(5 * second);
  assert.deepEqual(shown.seen(), ['out ID  NAME']);

  t.mock.timers.reset();
  const asking = open(t, { ask: async () => 'yes' });
  asking.terminal.progress('reading');
  assert.equal(await asking.terminal.ask?.('Replace it?', {}), 'yes');
  asking.pass(5 * second);
  assert.deepEqual(asking.seen(), ['> reading ...', '> ']);

  t.mock.timers.reset();
  const piped = open(t);
  piped.terminal.out('{"id":1}');
  piped.pass(1 * second);
  piped.pass(1 * second);
  piped.terminal.progress('1 line written');
  assert.deepEqual(piped.seen(), ['out {"id":1}', '> Working ... 2 s', '> 1 line written ... 2 s']);
});

test('nothing is shown with --quiet, nor where no one looks', (t) => {
  for (const changes of [{ isShown: false }, { showProgress: undefined }]) {
    const work = open(t, changes);
    work.terminal.progress('reading');
    work.pass(9 * second);
    work.end();
    assert.deepEqual(work.seen(), []);
    t.mock.timers.reset();
  }
});
