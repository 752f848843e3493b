/** The Debian package in a Debian of its own: install, upgrade, remove, purge; and the systemd unit, judged by systemd. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { missing } from '../support/parts.ts';
import { runProgram } from '../support/process.ts';

const unit = 'deploy/systemd/dockpass.service';

test('the unit is exposed as little as its service allows', { skip: missing('systemd-analyze') }, async () => {
  const { output } = await runProgram('systemd-analyze', ['security', '--offline=true', unit]);
  const [, level = '10'] = /Overall exposure level for dockpass\.service: (\d+\.\d)/.exec(output) ?? [];
  assert.ok(Number(level) <= 2, output);
});

test('the unit has no line that systemd does not know', { skip: missing('systemd-analyze') }, async () => {
  const { output } = await runProgram('systemd-analyze', ['verify', unit]);
  assert.deepEqual(
    output.split('\n').filter((line) => line !== '' && !/usr\/bin\/dockpass is not exec/.test(line)),
    [],
  );
});

test('the unit runs as the user whose files these are, not as one that changes', () => {
  const text = readFileSync(unit, 'utf8');
  assert.match(text, /^User=dockpass$/m);
  assert.match(text, /^StateDirectoryMode=0711$/m);
  assert.doesNotMatch(text, /^DynamicUser=/m);
});

describe('the Debian package', { skip: missing('root', 'mmdebstrap', 'dpkg-deb', 'npm', 'chroot') }, () => {
  let folder: string;
  let root: string;
  const inside = (...words: readonly string[]) =>
    runProgram('chroot', [root, ...words], { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
  const run = async (...words: readonly string[]): Promise<string> => {
    const { code, output } = await inside(...words);
    assert.equal(code, 0, `${words.join(' ')}\n${output}`);
    return output;
  };
  const modeOf = (path: string): string => (statSync(join(root, path)).mode & 0o7777).toString(8);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dockpass-debian-'));
    root = join(folder, 'root');
    const built = await runProgram('script/deb', [folder]);
    assert.equal(built.code, 0, built.output);
    const made = await runProgram('mmdebstrap', [
      '--quiet',
      '--variant=essential',
      '--include=passwd,libstdc++6',
      'bookworm',
      root,
      'http://deb.debian.org/debian',
    ]);
    assert.equal(made.code, 0, made.output);
    cpSync(built.stdout.trim(), join(root, 'dockpass.deb'));
    await run('dpkg', '--install', '/dockpass.deb');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('makes a user, settings that only root and it can read, and a folder that others pass through', async () => {
    assert.match(await run('getent', 'passwd', 'dockpass'), /:\/var\/lib\/dockpass:\/usr\/sbin\/nologin/);
    assert.deepEqual([modeOf('etc/dockpass/dockpass.env'), modeOf('var/lib/dockpass')], ['640', '711']);
    assert.equal(
      await run('stat', '-c', '%U:%G', '/etc/dockpass/dockpass.env', '/var/lib/dockpass'),
      'root:dockpass\ndockpass:dockpass\n',
    );
    assert.ok(existsSync(join(root, 'usr/lib/systemd/system/dockpass.service')));
  });

  test('has the manual page and what shells complete with', async () => {
    const page = gunzipSync(readFileSync(join(root, 'usr/share/man/man1/dockpass.1.gz'))).toString();
    assert.match(page, /^\.TH DOCKPASS 1 /);
    const completions = [
      'bash-completion/completions/dockpass',
      'zsh/vendor-completions/_dockpass',
      'fish/vendor_completions.d/dockpass.fish',
    ];
    for (const file of completions) assert.match(readFileSync(join(root, 'usr/share', file), 'utf8'), /password/);
  });

  test('its command as root becomes the user dockpass, with the settings of the package', async () => {
    assert.match(
      (await inside('dockpass', 'policy', 'check', '--strict')).output,
      /\/etc\/dockpass\/policy\.yml is valid/,
    );
    await run('dockpass', 'migrate');
    assert.equal(await run('stat', '-c', '%U %a', '/var/lib/dockpass/dockpass.db'), 'dockpass 600\n');
    const refused = await inside('dockpass', 'serve');
    assert.match(refused.output, /PUBLIC_URL is required/);
  });

  test('an upgrade and a new installation keep settings and data; purging takes them', async () => {
    writeFileSync(join(root, 'etc/dockpass/policy.yml'), '# mine\nacl: []\n');
    await run('dpkg', '--install', '/dockpass.deb');
    await run('dpkg', '--remove', 'dockpass');
    await run('dpkg', '--install', '/dockpass.deb');
    assert.equal(readFileSync(join(root, 'etc/dockpass/policy.yml'), 'utf8'), '# mine\nacl: []\n');
    assert.ok(existsSync(join(root, 'var/lib/dockpass/dockpass.db')));
    await run('dpkg', '--purge', 'dockpass');
    for (const path of ['etc/dockpass', 'var/lib/dockpass', 'usr/lib/dockpass'])
      assert.ok(!existsSync(join(root, path)), path);
  });
});
