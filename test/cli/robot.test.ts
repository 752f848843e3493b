/** `dockpass robot remove`, which can't be undone. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { runCommand } from '../../src/cli/cli.ts';
import { createInstallation } from '../support/installation.ts';

test('a robot is removed only with --yes; without it, what would be deleted is said', async (t) => {
  const installation = createInstallation();
  t.after(() => installation.remove());
  const { environment } = installation;
  const run = async (line: string) => {
    const [out, notes]: [string[], string[]] = [[], []];
    const streams = {
      input: Readable.from([]),
      out: (text: string) => out.push(text),
      err: (text: string) => notes.push(text),
    };
    assert.equal(await runCommand(line.split(' '), { environment, ...streams }), 0, notes.join('\n'));
    return { out: out.join('\n'), notes: notes.join('\n') };
  };
  await run('migrate');
  await run('robot create ci --owner-group platform');
  await run('robot password ci --name runner --days 9');

  const asked = await run('robot remove ci');
  assert.deepEqual(asked, {
    out: 'robot-ci of platform: 1 active password.',
    notes: "Nothing was removed. With --yes, all of it is; this can't be undone.",
  });
  assert.match((await run('robot list')).out, /robot-ci/);
  const { removed, passwords } = JSON.parse((await run('robot remove ci --yes --json')).out);
  assert.deepEqual([removed, passwords], [true, 1]);
  assert.doesNotMatch((await run('robot list')).out, /robot-ci/);
});
