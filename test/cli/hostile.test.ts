/** Commands in a bad world: files that are none, names that a terminal obeys, readers that leave, a full disk. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createReadStream, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { runCommand } from '../../src/cli/cli.ts';
import { openStore } from '../../src/store/open.ts';
import { createInstallation } from '../support/installation.ts';
import { missing } from '../support/parts.ts';
import { runProgram } from '../support/process.ts';
import { main } from '../support/program.ts';

const esc = '\u001b';

describe('in a bad world', () => {
  const installation = createInstallation();
  const { folder, environment } = installation;
  const run = async (words: readonly string[], readersLeft?: AbortSignal, input = Readable.from([])) => {
    const [out, notes]: [string[], string[]] = [[], []];
    const code = await runCommand(words, {
      ...{ environment, input, readersLeft },
      ...{ out: (line) => out.push(line), err: (line) => notes.push(line) },
    });
    return { code, out, notes: notes.join('\n') };
  };
  const unfinished = () => readdirSync(folder).filter((name) => name.includes('unfinished'));
  before(async () => {
    assert.equal((await installation.run(['migrate'])).code, 0);
    await installation.addPerson('ana@example.com');
    for (const name of ['laptop', 'phone']) await run(['password', 'create', 'ana@example.com', '--name', name]);
  });
  after(() => installation.remove());

  test('a file that is none is named, with what it is', async () => {
    const loop = join(folder, 'loop');
    symlinkSync('loop', loop);
    for (const [file, why] of [
      ['/dev/zero', /^\/dev\/zero is larger than 64 MB: name another file\.$/],
      [folder, /cannot be read: it is a folder \(EISDIR\)\.$/],
      [loop, /cannot be read \(ELOOP\)\.$/],
      [join(folder, 'none'), /cannot be read \(ENOENT\)\.$/],
    ] as const) {
      const { code, notes } = await run(['import', 'docker-auth', file, '--out', join(folder, 'new')]);
      assert.equal(code, 1);
      assert.match(notes, why);
    }
    const policy = await run(['policy', 'check', '/dev/zero']);
    assert.deepEqual([policy.code, policy.notes], [1, '/dev/zero is larger than 16 MB: name another file.']);
    const log = await run(['compare', join(folder, 'policy.yml'), join(folder, 'policy.yml'), folder]);
    assert.doesNotMatch(log.notes, /\n {4}at /, log.notes);
    assert.equal(log.code, 1);
  });

  test('an input that never ends is refused', async () => {
    const words = ['workload', 'add-cluster', 'ci', '--issuer', 'https://ci.example', '--jwks', '-'];
    const { code, notes } = await run(words, undefined, createReadStream('/dev/zero'));
    assert.deepEqual([code, notes], [1, 'Standard input is larger than 64 MB.']);
  });

  test('an import writes both files or none, also where a link that leads nowhere has the name of one', async () => {
    for (const [name, make] of [
      ['file', (path: string) => writeFileSync(path, 'precious')],
      ['link', (path: string) => symlinkSync('/nowhere/at/all', path)],
    ] as const) {
      const target = join(folder, name);
      mkdirSync(target);
      make(join(target, '.env'));
      const configuration = join(folder, 'auth_config.yml');
      writeFileSync(configuration, 'acl: [{match: {name: "team/*"}, actions: ["*"]}]\n');
      const { code, notes } = await run(['import', 'docker-auth', configuration, '--out', target]);
      assert.equal(code, 1);
      assert.match(notes, /\.env exists already: .* Nothing was written\.$/);
      assert.deepEqual(readdirSync(target), ['.env']);
    }
  });

  test('an export ends when no one reads it any more', async () => {
    const all = await run(['audit', 'export']);
    assert.ok(all.out.length > 2);
    assert.deepEqual((await run(['audit', 'export'], AbortSignal.abort())).out, []);
  });

  test('an action that no event has is no empty export', async () => {
    const { code, out, notes } = await run(['audit', 'export', '--action', 'password.revok']);
    assert.deepEqual([code, out], [2, []]);
    assert.match(notes, /^No event is called "password\.revok"\. Did you mean password\.revoke\?/);
  });

  test('an output that is full is said, and is a failure', async () => {
    const line = `exec ${process.execPath} ${main} version > /dev/full`;
    const { code, output } = await runProgram('sh', ['-c', line], { env: environment, cwd: folder });
    assert.deepEqual([code, output], [1, "The output can't be written (ENOSPC): it isn't complete.\n"]);
  });

  test('what a backup that was killed has left is in no other: not its secrets, and not on the disk', async () => {
    const target = join(folder, 'backup-after');
    const { pid: gone = 0 } = spawnSync('true');
    const left = `${target}.unfinished-${hostname().replaceAll(/[^\w.]/g, '_')}-${gone}`;
    mkdirSync(left);
    writeFileSync(join(left, 'password-pepper'), 'x');
    const { code, notes } = await run(['backup', target, '--without-secrets']);
    assert.equal(code, 0, notes);
    assert.ok(!readdirSync(target).includes('password-pepper'));
    assert.deepEqual(unfinished(), []);
  });

  test('of two backups into one place at the same time one is whole, and the other is refused', async () => {
    const target = join(folder, 'backup-both');
    const both = await Promise.all([0, 1].map(() => installation.run(['backup', target])));
    assert.deepEqual(both.map(({ code }) => code).sort(), [0, 1], both.map(({ output }) => output).join('\n'));
    assert.match(both.map(({ output }) => output).join(''), /backup-both is there already: name a new folder/);
    const files = readdirSync(target);
    assert.ok(files.includes('dockpass.db') && files.includes('password-pepper'), `${files}`);
    assert.deepEqual(unfinished(), []);
  });

  test('a backup that does not fit says where there is no room, and leaves nothing', async () => {
    const target = join(folder, 'backup-full');
    const line = `ulimit -f 64; exec ${process.execPath} ${main} backup ${target}`;
    const { code, output } = await runProgram('sh', ['-c', line], { env: environment, cwd: folder });
    assert.equal(code, 1, output);
    assert.match(output, /dockpass\.db cannot be copied to .*backup-full\.unfinished.*Make room there/);
    assert.deepEqual(unfinished(), []);
  });

  test('what a terminal obeys is in no line about what is stored, also in a pipe', async () => {
    const store = await openStore(`sqlite:${folder}/data/dockpass.db`, () => {});
    const account = await store.accounts.byLogin('ana@example.com');
    // As an earlier version stored it.
    const reason = `left${esc}[2J\u202e`;
    const disabled = { state: 'disabled', reason, by: 'root', at: Date.now() } as const;
    await store.accounts.setState(account?.id ?? '', disabled, () => null);
    try {
      const { out } = await run(['groups', 'ana@example.com']);
      assert.match(out[0] ?? '', /left\[2J/);
      assert.doesNotMatch(out.join('\n'), /(?!\n)[\p{Cc}\p{Cf}]/u);
      const refused = await run(['person', 'disable', 'ana@example.com', '--reason', reason]);
      assert.deepEqual(
        [refused.code, refused.notes],
        [1, 'The reason contains a control or invisible character. Remove it.'],
      );
    } finally {
      const active = { state: 'active', reason: null, by: 'root', at: Date.now() } as const;
      await store.accounts.setState(account?.id ?? '', active, () => null);
      await store.close();
    }
  });

  test('what a terminal obeys, or no one sees, is in no message', { skip: missing('script') }, async () => {
    const name = `${esc}[2J${esc}]0;title\u0007\u202emoc.live\u009b31m\rana`;
    const piped = await installation.run(['person', 'disable', name]);
    assert.equal(
      piped.output.split('\n')[0],
      '[2J]0;titlemoc.live31mana has not signed in yet. "dockpass person list" lists everyone who has.',
    );
    // On standard output of a terminal, too, where colors and line ends stay.
    const words = ['policy', 'explain', 'ana@example.com', 'repository:team/app:pull', '--group', name];
    const env = { ...environment, TERM: 'xterm' };
    const line = [process.execPath, main, ...words].map((word) => `'${word}'`).join(' ');
    const { stdout } = await runProgram('script', ['--quiet', '--command', line, '/dev/null'], { env, cwd: folder });
    assert.match(stdout, /moc\.live/);
    const text = stdout.replaceAll('\r\n', '\n').replaceAll(`\r${esc}[K`, '');
    assert.doesNotMatch(text, /(?!\n)[\p{Cc}\p{Cf}]/u);
  });
});
