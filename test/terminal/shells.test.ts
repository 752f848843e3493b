/** The scripts that Dockpass serves, in the shells that people have, with real podman and skopeo against a real registry. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openStore } from '../../src/store/open.ts';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { findProgram, missing } from '../support/parts.ts';
import { freePorts } from '../support/ports.ts';
import { type Finished, type Running, runProgram, startProgram } from '../support/process.ts';
import { startRegistry } from '../support/registry.ts';
import { writeSession } from '../support/walk.ts';

const ana = 'ana@example.com';
const sessionSecret = 's'.repeat(32);
const shells = ['dash', 'busybox ash', 'bash', 'mksh', 'zsh'];
const skip = missing('docker-registry', 'podman', 'skopeo', 'curl', 'shellcheck', 'busybox', 'mksh', 'zsh');

describe('the scripts of a terminal', { skip }, () => {
  let installation: Installation;
  let service: Server;
  let registry: Running;
  let host: string;
  let publicUrl: string;
  let cookie: string;
  let home: string;

  before(async () => {
    const [port, registryPort] = await freePorts(2);
    host = `localhost:${registryPort}`;
    installation = createInstallation();
    await installation.run(['migrate']);
    await installation.addPerson(ana);
    publicUrl = `http://localhost:${port}`;
    service = await installation.serve({
      ...{ PUBLIC_URL: publicUrl, PORT: String(port), SERVICES: host, SESSION_SECRET: sessionSecret },
    });
    registry = await startRegistry({
      ...{ folder: join(installation.folder, 'registry'), port: registryPort ?? 0, service: host },
      ...{
        realm: `${publicUrl}/auth`,
        issuer: new URL(publicUrl).host,
        certificateBundleFile: join(installation.folder, 'data', 'registry-bundle.pem'),
      },
    });
    const store = await openStore(`sqlite:${join(installation.folder, 'data', 'dockpass.db')}`, () => {});
    cookie = await writeSession(store, sessionSecret, `account-${ana}`, Date.now());
    await store.close();
    home = mkdtempSync(join(tmpdir(), 'dockpass-home-'));
    writeFileSync(join(home, 'registries.conf'), `[[registry]]\nlocation = "${host}"\ninsecure = true\n`);
    for (const name of ['login.sh', 'docker-credential-dockpass']) {
      const script = await fetch(`${publicUrl}/cli/${name}`, { headers: { host: 'evil.example' } });
      writeFileSync(join(home, name), await script.text());
      chmodSync(join(home, name), 0o700);
    }
  });
  after(async () => {
    await registry?.stop();
    await service?.stop();
    installation?.remove();
    if (home) rmSync(home, { recursive: true });
  });

  const environment = () => ({
    ...{ PATH: `${home}:${process.env['PATH'] ?? ''}`, HOME: home, DOCKER_CONFIG: join(home, '.docker') },
    REGISTRY_AUTH_FILE: join(home, 'auth.json'),
    CONTAINERS_REGISTRIES_CONF: join(home, 'registries.conf'),
  });
  const post = (path: string, fields: Record<string, string>) =>
    fetch(service.url + path, {
      ...{ method: 'POST', redirect: 'manual' as const, body: new URLSearchParams(fields) },
      headers: { cookie, origin: publicUrl },
    });
  /** Runs a script until it shows its code, decides about that on the pages, and lets it end. */
  const runAndDecide = async (
    [program = '', ...args]: readonly string[],
    decision: 'approve' | 'refuse' = 'approve',
  ): Promise<{ readonly output: string }> => {
    const script = await startProgram(program, args, { ready: /Type {3}[A-Z]{4}-[A-Z]{4}/, env: environment() });
    const [, code = ''] = /Type {3}([A-Z]{4}-[A-Z]{4})/.exec(script.output()) ?? [];
    const page = await (await post('/terminal', { code })).text();
    assert.match(page, /It says it is “<bdi>/);
    assert.equal((await post('/terminal/decide', { code, decision, access: 'full', repositories: '' })).status, 200);
    await script.ended;
    return { output: script.output() };
  };
  const helper = (args: readonly string[], input = '', shell = 'sh'): Promise<Finished> => {
    const [program = '', ...own] = shell.split(' ');
    const script = join(home, 'docker-credential-dockpass');
    return runProgram(program, [...own, script, ...args], { input, env: environment() });
  };

  test('shellcheck has nothing to say, and nothing of the Host header is in them', async () => {
    for (const name of ['login.sh', 'docker-credential-dockpass']) {
      const { code, output } = await runProgram('shellcheck', ['-s', 'sh', join(home, name)]);
      assert.equal(code, 0, output);
      const text = readFileSync(join(home, name), 'utf8');
      assert.doesNotMatch(text, /evil\.example|@[A-Z_]+@/);
      assert.match(text.trimEnd(), /\nmain "\$@"$/, 'nothing runs before the last line has arrived');
    }
  });

  for (const shell of shells) {
    test(`login.sh logs podman in (${shell})`, async () => {
      const { output } = await runAndDecide([...shell.split(' '), join(home, 'login.sh'), '--no-browser', host]);
      assert.match(output, /Signed in as ana@example\.com\./);
      assert.match(output, /podman is logged in to localhost/);
      const { code, output: list } = await runProgram(
        'podman',
        ['search', '--tls-verify=false', '--authfile', join(home, 'auth.json'), `${host}/`],
        { env: environment() },
      );
      assert.equal(code, 0, list);
    });
  }

  test('no trace, no argument and no history shows the password', async () => {
    const { output } = await runAndDecide(['sh', '-x', join(home, 'login.sh'), '--no-browser', host]);
    assert.doesNotMatch(output, /dkp_/);
  });

  test('an approval by someone else than the expected account logs nobody in', async () => {
    rmSync(join(home, 'auth.json'), { force: true });
    const { output } = await runAndDecide([
      'sh',
      join(home, 'login.sh'),
      '--no-browser',
      '--user',
      'bo@example.com',
      host,
    ]);
    assert.match(output, /approved by ana@example\.com and not by bo@example\.com; nothing was logged in/);
    assert.equal(existsSync(join(home, 'auth.json')), false);
  });

  test('a refusal and a registry that is not there are said', async () => {
    const refused = await runAndDecide(['sh', join(home, 'login.sh'), '--no-browser', host], 'refuse');
    assert.match(refused.output, /It was refused in the browser/);
    const { code, output } = await runProgram('sh', [join(home, 'login.sh'), 'other.example.com'], {
      env: environment(),
    });
    assert.equal(code, 1);
    assert.match(output, new RegExp(`registry must be one of ${host}`));
  });

  test('the helper: set up beside other settings, asked by skopeo, signed out, and undone', async () => {
    mkdirSync(join(home, '.docker'), { recursive: true });
    const file = join(home, '.docker', 'config.json');
    writeFileSync(file, '{"auths":{"other.example.com":{"auth":"eDp5"}},"credsStore":"none","detachKeys":"ctrl-q"}');
    assert.match((await helper(['get'], host)).stdout, /^credentials not found in native keychain\n$/, 'before setup');
    const { output } = await runAndDecide(['sh', join(home, 'docker-credential-dockpass'), 'setup', host]);
    assert.match(output, /Signed in as ana@example\.com/);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), {
      ...{ credHelpers: { [host]: 'dockpass' }, auths: { 'other.example.com': { auth: 'eDp5' } } },
      ...{ credsStore: 'none', detachKeys: 'ctrl-q' },
    });
    const folder = join(home, '.config', 'dockpass', `localhost_${new URL(publicUrl).port}`);
    assert.equal(statSync(join(folder, 'secret')).mode & 0o777, 0o600);

    const authFile = join(home, 'skopeo.json');
    writeFileSync(authFile, JSON.stringify({ credHelpers: { [host]: 'dockpass' } }));
    const skopeo = await runProgram(
      'skopeo',
      ['list-tags', '--tls-verify=false', '--authfile', authFile, `docker://${host}/team/web`],
      { env: environment() },
    );
    assert.match(
      skopeo.output,
      /name unknown|not found|manifest unknown/i,
      'it is let in, and there is no such repository',
    );

    for (const shell of shells) {
      const got = JSON.parse((await helper(['get'], `${host}\n`, shell)).stdout);
      assert.deepEqual([got.ServerURL, got.Username], [host, ana], shell);
      assert.match(got.Secret, /^dkt_/);
      assert.deepEqual(JSON.parse((await helper(['list'], '', shell)).stdout), { [host]: ana }, shell);
    }
    const elsewhere = await helper(['get'], 'registry.other.example');
    assert.deepEqual([elsewhere.code, elsewhere.stdout], [1, 'credentials not found in native keychain\n']);
    const kept = await helper(['store'], '{"ServerURL":"https://other.example","Username":"x","Secret":"y"}');
    assert.match(kept.stdout, /does not keep passwords for/);
    const foreign = await helper(['store'], JSON.stringify({ ServerURL: host, Username: 'x', Secret: 'hunter2' }));
    assert.match(foreign.stdout, /keeps only passwords of Dockpass/);

    await helper(['erase'], host);
    const out = await helper(['get'], host);
    assert.deepEqual([out.code, out.stdout], [1, 'credentials not found in native keychain\n']);
    assert.match(out.output, /Signed out of .*Run: docker-credential-dockpass login/);
    assert.equal((await helper(['list'])).stdout, '{}\n');
    await helper(['undo', host]);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')).credHelpers, {});
  });

  test('the helper: ten that ask at once, an outage, and a file that is not private', async () => {
    await runAndDecide(['sh', join(home, 'docker-credential-dockpass'), 'login', host]);
    const folder = join(home, '.config', 'dockpass', `localhost_${new URL(publicUrl).port}`);
    const all = await Promise.all(Array.from({ length: 10 }, () => helper(['get'], host)));
    assert.equal(new Set(all.map(({ stdout }) => stdout)).size, 1, all.map(({ output }) => output).join());
    writeFileSync(join(folder, 'url'), 'http://localhost:1\n');
    assert.equal(
      (await helper(['get'], host)).stdout,
      all[0]?.stdout,
      'a password that works is used while Dockpass is down',
    );
    const [, password = ''] = readFileSync(join(folder, 'cache'), 'utf8').trim().split(' ');
    writeFileSync(join(folder, 'cache'), `${Math.floor(Date.now() / 1000) - 1} ${password}\n`);
    const down = await helper(['get'], host);
    assert.match(down.output, /http:\/\/localhost:1 does not answer/);
    writeFileSync(join(folder, 'url'), `${publicUrl}\n`);
    chmodSync(join(folder, 'secret'), 0o644);
    assert.match((await helper(['get'], host)).output, /readable by others, so it is not used/);
    chmodSync(join(folder, 'secret'), 0o600);
    symlinkSync(join(folder, 'secret'), join(folder, 'stored'));
    assert.match((await helper(['get'], host)).output, /is a link/);
    rmSync(join(folder, 'stored'));
    assert.match((await helper(['get'], host)).stdout, /dkt_/);
    const { code } = await helper(['logout', host]);
    assert.equal(code, 0);
  });

  test('curl is there to speak to Dockpass', () => assert.notEqual(findProgram('curl'), null));
});
