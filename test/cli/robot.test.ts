/** `dockpass robot remove`, which can't be undone, and what is said of patterns when a password is created. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { runCommand } from '../../src/cli/cli.ts';
import { createInstallation } from '../support/installation.ts';

describe('robots on the command line', () => {
  const installation = createInstallation();
  const { environment } = installation;
  const run = async (line: string, expected = 0) => {
    const [out, notes]: [string[], string[]] = [[], []];
    const code = await runCommand(line.split(' '), {
      ...{ environment, input: Readable.from([]) },
      ...{ out: (text) => out.push(text), err: (text) => notes.push(text) },
    });
    assert.equal(code, expected, notes.join('\n'));
    return { out: out.join('\n'), notes };
  };
  before(async () => {
    await run('migrate');
    await installation.addPerson('ana@example.com');
    await run('robot create ci --owner-group platform');
  });
  after(() => installation.remove());

  test('a pattern that the password can do nothing at is warned of, and the password is made', async () => {
    const made = await run('robot password ci --name prod --days 9 --repository prod/**');
    assert.match(made.out, /^dkr_\w+$/);
    assert.equal(made.notes[0], 'Nothing robot-ci can pull or push matches “prod/**”.');
    const asJson = await run('robot password ci --name json --days 9 --pull-only --repository x/* --json');
    assert.deepEqual(JSON.parse(asJson.out).warnings, ['Nothing robot-ci can pull matches “x/*”.']);
    for (const words of [
      'robot password ci --name all --days 9',
      'password create ana@example.com --name a --repository a/*',
    ]) {
      const { notes } = await run(words);
      assert.match(notes.join('\n'), /^Password ".*shown only this once:$/, words);
    }
  });

  test('a pattern that an unset variable leaves empty is refused: it would be no limit', async () => {
    for (const words of ['robot password ci --days 9', 'password create ana@example.com']) {
      for (const pattern of [' --repository ', ' --repository a/* --repository=']) {
        const { out, notes } = await run(`${words} --name empty${pattern}`, 2);
        assert.equal(out, '');
        assert.match(notes.join('\n'), /--repository is empty\./);
      }
    }
  });

  test('a name that is taken is refused in words, without those of the database', async () => {
    const { notes } = await run('robot create ci --owner-group platform', 1);
    assert.deepEqual(notes, ['robot-ci already exists. Choose another name.']);
  });

  test('a robot is removed only with --yes; without it, what would be deleted is said', async () => {
    assert.deepEqual(await run('robot remove ci'), {
      out: 'robot-ci of platform: 3 active passwords.',
      notes: ["Nothing was removed. With --yes, all of it is; this can't be undone."],
    });
    assert.match((await run('robot list')).out, /robot-ci/);
    const { removed, passwords } = JSON.parse((await run('robot remove ci --yes --json')).out);
    assert.deepEqual([removed, passwords], [true, 3]);
    assert.doesNotMatch((await run('robot list')).out, /robot-ci/);
  });
});
