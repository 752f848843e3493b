/** How the words of the command line find their command. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommand } from '../../src/cli/cli.ts';

async function run(...words: string[]) {
  const [out, notes]: [string[], string[]] = [[], []];
  const terminal = {
    environment: {},
    input: (async function* () {})(),
    out: (line: string) => out.push(line),
    err: (line: string) => notes.push(line),
  };
  return { code: await runCommand(words, terminal), out, notes };
}

test('the name of a group may be said in the plural; help has the singular', async () => {
  for (const words of ['password expiring', 'password revoke', 'robot list', 'key list']) {
    const [group = '', name = ''] = words.split(' ');
    const plural = await run(`${group}s`, name, '--help');
    assert.deepEqual(plural, await run(group, name, '--help'));
    assert.match(plural.out[0] ?? '', new RegExp(`^Usage: dockpass ${words}`));
  }
  const { notes } = await run('passwords');
  assert.ok(notes.some((line) => line.startsWith('  password expiring ')));
});

test('what is no group stays what was said, and is not understood', async () => {
  for (const words of [['passwordss', 'list'], ['s'], [''], ['serves'], ['healths']]) {
    const { code, notes } = await run(...words);
    assert.equal(code, 2);
    assert.equal(notes[0], `There is no command "${words.join(' ')}".`);
  }
});
