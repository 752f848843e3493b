/** The credential helper that Dockpass serves, in the shells that people have, asked as docker asks it; real skopeo. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { missing } from '../support/parts.ts';
import { ana, bo, type Machine, startTerminalScene, type TerminalScene } from '../support/terminal-scene.ts';

const shells = ['dash', 'busybox ash', 'bash', 'mksh', 'zsh'];
const skip = missing('docker-registry', 'skopeo', 'curl', 'busybox', 'mawk', 'mksh', 'zsh');
const robotSecret = `dkr_${'a'.repeat(36)}`;
const notFound = 'credentials not found in native keychain\n';

describe('the credential helper', { skip }, () => {
  const stack = new AsyncDisposableStack();
  let scene: TerminalScene;
  let machine: Machine;
  let registry: string;
  before(async () => {
    scene = await startTerminalScene(stack);
    ({ registry } = scene);
  });
  beforeEach(async () => {
    machine = await scene.machine();
  });
  after(() => stack.disposeAsync());

  const words = (...more: string[]) => ['sh', join(machine.home, 'bin', 'docker-credential-dockpass'), ...more];
  const config = () => join(machine.home, '.docker', 'config.json');
  const get = (shell?: string) => machine.helper(['get'], `${registry}\n`, shell);
  /** The file of a `docker login` at the registry. */
  const ownLogin = () => `stored.${registry.replace(':', '=')}`;
  const second = 'second.example.com:5000';
  /** The machine is signed in, and answers for another registry of the same Dockpass, too. */
  const signInForTwo = async () => {
    await machine.signIn(words('login', registry));
    writeFileSync(join(machine.kept, 'hosts'), `${registry}\n${second}\n`);
  };
  const store = (host: string, user: string, shell?: string) =>
    machine.helper(['store'], JSON.stringify({ ServerURL: host, Username: user, Secret: robotSecret }), shell);
  const listed = async (shell?: string) => JSON.parse((await machine.helper(['list'], '', shell)).stdout);
  /** As if the password that is kept ended `seconds` from now. */
  const endCacheIn = (seconds: number) => {
    const [, password = ''] = readFileSync(join(machine.kept, 'cache'), 'utf8').trim().split(' ');
    writeFileSync(join(machine.kept, 'cache'), `${Math.floor(Date.now() / 1000) + seconds} ${password}\n`);
  };
  const machines = async () => {
    const { stdout } = await scene.installation.command(['password', 'list', ana, '--json']);
    type Listed = { readonly id: string; readonly state: string; readonly origin: { readonly kind: string } | null };
    return (JSON.parse(stdout) as Listed[]).filter(({ origin }) => origin?.kind === 'machine');
  };

  test('asks before it takes the place of what podman is logged in with, and says what podman keeps using', {
    skip: missing('podman'),
  }, async () => {
    const file = join(machine.home, 'run', 'containers', 'auth.json');
    mkdirSync(dirname(file), { recursive: true });
    const auth = Buffer.from('bo@example.com:x').toString('base64');
    writeFileSync(file, JSON.stringify({ auths: { [registry]: { auth } } }));
    const variables = [
      '-u',
      'DOCKER_CONFIG',
      '-u',
      'REGISTRY_AUTH_FILE',
      `XDG_RUNTIME_DIR=${join(machine.home, 'run')}`,
    ];
    const refused = await machine.signIn(['env', ...variables, ...words('setup', registry)]);
    assert.match(refused, /is used as bo@example\.com on this machine\. Replace that with ana@example\.com\?/);
    const output = await machine.signIn(['env', ...variables, ...words('setup', '--user', ana, registry)]);
    assert.match(output, /podman still uses the login in .*run\/containers\/auth\.json.*: podman logout localhost/);
  });

  test('is set up beside other settings, asked by skopeo, signed out, and undone', async () => {
    mkdirSync(join(machine.home, '.docker'), { recursive: true });
    const before = '{"auths":{"other.example.com":{"auth":"eDp5"}},"credsStore":"none","detachKeys":"ctrl-q"}';
    const real = join(machine.home, 'dotfiles.json');
    writeFileSync(real, before, { mode: 0o640 });
    symlinkSync(real, config());
    assert.equal((await get()).stdout, notFound, 'before it is set up');
    const output = await machine.signIn(words('setup', registry));
    assert.match(output, /Signed in as ana@example\.com/);
    assert.deepEqual(JSON.parse(readFileSync(config(), 'utf8')), {
      ...{ credHelpers: { [registry]: 'dockpass' }, auths: { 'other.example.com': { auth: 'eDp5' } } },
      ...{ credsStore: 'none', detachKeys: 'ctrl-q' },
    });
    assert.ok(lstatSync(config()).isSymbolicLink(), 'a link stays one');
    assert.equal(statSync(real).mode & 0o777, 0o640);
    for (const file of readdirSync(machine.kept)) {
      assert.equal(statSync(join(machine.kept, file)).mode & 0o777, 0o600, file);
    }
    const skopeo = ['list-tags', '--tls-verify=false', '--authfile', config(), `docker://${registry}/team/web`];
    const { output: answer } = await machine.run('skopeo', skopeo);
    assert.match(answer, /name unknown|not found|manifest unknown/i, 'let in; there is no such repository');

    await machine.helper(['erase'], registry);
    assert.equal((await machine.helper(['list'])).stdout, '{}\n');
    const out = await get();
    assert.deepEqual([out.code, out.stdout], [1, notFound]);
    assert.match(out.output, /Signed out of .*Run: docker-credential-dockpass login/);
    const undone = await machine.helper(['undo', registry]);
    assert.match(undone.output, /this helper is no longer asked for/);
    assert.deepEqual(JSON.parse(readFileSync(config(), 'utf8')), { ...JSON.parse(before), credHelpers: {} });
    assert.equal(readFileSync(`${config()}.before-dockpass`, 'utf8'), before);
  });

  for (const awk of ['mawk', 'busybox awk']) {
    test(`is added to what Go reads as empty, and to nothing that isn't an object, which is said first (${awk})`, async () => {
      writeFileSync(join(machine.home, 'tools', 'awk'), `#!/bin/sh\nexec ${awk} "$@"\n`, { mode: 0o755 });
      mkdirSync(join(machine.home, '.docker'), { recursive: true });
      for (const [written, problem] of [
        ['{"auths":{},"credHelpers":["x"]}', /"credHelpers" in .*config\.json is not an object; it was left as it is/],
        ['{"auths":{},"credHelpers":"null"}', /"credHelpers" in .*config\.json is not an object; it was left as it is/],
        ['[]', /config\.json is not a JSON object; it was left as it is/],
      ] as const) {
        writeFileSync(config(), written);
        const { code, output } = await machine.run('sh', words('setup', registry).slice(1));
        assert.equal(code, 1);
        assert.match(output, problem);
        assert.doesNotMatch(output, /Type|Signed in/);
        assert.equal(readFileSync(config(), 'utf8'), written);
      }
      writeFileSync(config(), '{ "auths": null, "credHelpers": null, "detachKeys": "ctrl-q" }\n');
      assert.match(await machine.signIn(words('setup', registry)), /Signed in as ana@example\.com/);
      const set = { auths: null, credHelpers: { [registry]: 'dockpass' }, detachKeys: 'ctrl-q' };
      assert.deepEqual(JSON.parse(readFileSync(config(), 'utf8')), set);
      writeFileSync(config(), '{"credHelpers":null}');
      assert.equal((await machine.helper(['undo', registry])).code, 0);
      assert.equal(readFileSync(config(), 'utf8'), '{"credHelpers":null}\n', 'there was nothing to remove');
    });
  }

  for (const shell of shells) {
    test(`answers as docker expects it, and no argument of any program has a secret (${shell})`, async () => {
      const [program = '', ...own] = shell.split(' ');
      await machine.signIn([program, ...own, ...words('login', registry).slice(1)]);
      const got = JSON.parse((await get(shell)).stdout);
      assert.deepEqual([got.ServerURL, got.Username], [registry, ana]);
      assert.match(got.Secret, /^dkt_/);
      assert.equal(JSON.parse((await get(shell)).stdout).Secret, got.Secret, 'docker asks twice');
      assert.deepEqual(JSON.parse((await machine.helper(['list'], '', shell)).stdout), { [registry]: ana });
      assert.match((await machine.helper(['version'], '', shell)).stdout, /^docker-credential-dockpass \d/);
      const elsewhere = await machine.helper(['get'], 'registry.other.example', shell);
      assert.deepEqual([elsewhere.code, elsewhere.stdout], [1, notFound]);

      const own2 = { ServerURL: registry, Username: 'robot-x', Secret: `dkr_${'a'.repeat(36)}` };
      assert.equal((await machine.helper(['store'], JSON.stringify(own2), shell)).code, 0);
      assert.deepEqual(JSON.parse((await get(shell)).stdout), own2);
      assert.deepEqual(JSON.parse((await machine.helper(['list'], '', shell)).stdout), { [registry]: 'robot-x' });
      assert.match((await machine.helper(['logout', registry], '', shell)).output, /Signed out here and at http/);
      assert.equal((await get(shell)).stdout, notFound);
      assert.doesNotMatch(machine.calls(), /dk[a-z]_|[\w-]{43}/, 'everyone on a machine can read arguments');
    });
  }

  test('keeps only our own secrets, for its own hosts, compared exactly and with the port', async () => {
    await machine.signIn(words('login', registry));
    const [name = '', port = ''] = registry.split(':');
    for (const other of [
      name,
      `${name}:${port}1`,
      `${name}:443`,
      `x${registry}`,
      `${registry}.evil.example`,
      `${registry}/v1`,
      '*',
      '',
    ]) {
      const { code, stdout } = await machine.helper(['get'], other);
      assert.deepEqual([code, stdout], [1, notFound], other);
    }
    assert.doesNotMatch(machine.calls(), /curl[^\n]*\/oauth\/token[\s\S]*curl[^\n]*\/oauth\/token/, 'and asks nobody');
    assert.equal(JSON.parse((await machine.helper(['get'], `https://${registry}/`)).stdout).Username, ana);
    for (const written of [`  ${registry}\t`, `${registry}\r\n`, `\ufeff${registry}\n`, `http://${registry}`]) {
      assert.equal(JSON.parse((await machine.helper(['get'], written)).stdout).Username, ana, JSON.stringify(written));
    }
    const foreign = await machine.helper(
      ['store'],
      '{"ServerURL":"https://other.example","Username":"x","Secret":"y"}',
    );
    assert.match(foreign.stdout, /does not keep passwords for other\.example/);
    const chosen = await machine.helper(
      ['store'],
      JSON.stringify({ ServerURL: registry, Username: 'x', Secret: 'hunter2' }),
    );
    assert.deepEqual([chosen.code, /keeps only passwords of Dockpass/.test(chosen.stdout)], [1, true]);
    const secret = `dkp_${'a'.repeat(36)}`;
    const nameless = await machine.helper(['store'], JSON.stringify({ ServerURL: registry, Secret: secret }));
    assert.deepEqual([nameless.code, nameless.stdout], [1, 'no credentials username\n']);
  });

  for (const shell of shells) {
    test(`keeps a login for one registry, and the others of the same Dockpass as they were (${shell})`, async () => {
      await signInForTwo();
      const at = async (host: string) => {
        const { code, stdout } = await machine.helper(['get'], host, shell);
        return code === 0 ? JSON.parse(stdout).Username : stdout;
      };
      assert.equal((await store(registry, 'robot-x', shell)).code, 0);
      assert.deepEqual([await at(registry), await at(second)], ['robot-x', ana]);
      assert.deepEqual(await listed(shell), { [registry]: 'robot-x', [second]: ana });
      assert.equal((await store(second, 'robot-y', shell)).code, 0);
      assert.deepEqual([await at(registry), await at(second)], ['robot-x', 'robot-y']);

      const erased = await machine.helper(['erase'], registry, shell);
      assert.match(erased.output, /Removed the login for .*still signed in; to end that, run: .* logout/);
      assert.deepEqual([await at(registry), await at(second)], [ana, 'robot-y']);
      await machine.helper(['logout', registry], '', shell);
      assert.deepEqual([await at(registry), await at(second)], [notFound, 'robot-y']);
      assert.equal((await machine.helper(['erase'], second, shell)).output, '', 'nothing is signed in any more');
      assert.deepEqual(await listed(shell), {});
      assert.doesNotMatch(machine.calls(), /dk[a-z]_|[\w-]{43}/, 'everyone on a machine can read arguments');
    });
  }

  test('docker logout, which erases several times, ends a login and not the machine; the next one does', {
    skip: missing('docker'),
  }, async () => {
    await signInForTwo();
    const credHelpers = { [registry]: 'dockpass', [second]: 'dockpass' };
    mkdirSync(join(machine.home, '.docker'), { recursive: true });
    writeFileSync(config(), JSON.stringify({ credHelpers }));
    await store(registry, 'robot-x');
    const logOut = () => machine.run('docker', ['logout', registry]);
    assert.equal((await logOut()).code, 0);
    assert.deepEqual(await listed(), { [registry]: ana, [second]: ana });
    const marker = join(machine.kept, ownLogin().replace('stored', 'erased'));
    rmSync(marker);
    symlinkSync(String(Math.floor(Date.now() / 1000) - 60), marker);
    assert.equal((await logOut()).code, 0);
    assert.deepEqual(await listed(), {});
  });

  test('a login that an earlier version kept is that of the only registry; of several, no one gets it', async () => {
    await machine.signIn(words('login', registry));
    const before = () => writeFileSync(join(machine.kept, 'stored'), `robot-x\n${robotSecret}\n`, { mode: 0o600 });
    before();
    assert.equal(JSON.parse((await get()).stdout).Username, 'robot-x');
    assert.ok(existsSync(join(machine.kept, ownLogin())));
    await machine.helper(['erase'], registry);
    assert.equal(JSON.parse((await get()).stdout).Username, ana, 'it does not come back');
    writeFileSync(join(machine.kept, 'hosts'), `${registry}\n${second}\n`);
    before();
    const { stdout, output } = await machine.helper(['get'], second);
    assert.equal(JSON.parse(stdout).Username, ana);
    assert.match(output, /kept for several registries is removed\. Run docker login again/);
    assert.deepEqual(await listed(), { [registry]: ana, [second]: ana });
    assert.equal(existsSync(join(machine.kept, 'stored')), false);
  });

  test('a registry that is taken out and set up again has no login of before', async () => {
    await signInForTwo();
    await store(registry, 'robot-x');
    await machine.helper(['undo', registry]);
    writeFileSync(join(machine.kept, 'hosts'), `${registry}\n${second}\n`);
    assert.deepEqual(await listed(), { [registry]: ana, [second]: ana });
  });

  test('keeps what docker stores, however Go writes it', async () => {
    await machine.signIn(words('login', registry));
    const form = 'a'.repeat(36);
    for (const [Username, written, secret] of [
      ['<token>', '\\u003ctoken\\u003e', `dki_${form}`],
      ['<token>', '\\u003ctoken\\u003e', `dkj_${form}`],
      ['r&d@example.com', 'r\\u0026d@example.com', `dkp_${form}`],
    ]) {
      const body = `{"ServerURL":"https://${registry}/","Username":"${written}","Secret":"${secret}"}\r\n`;
      assert.equal((await machine.helper(['store'], body)).code, 0);
      assert.deepEqual(JSON.parse((await get()).stdout), { ServerURL: registry, Username, Secret: secret });
    }
  });

  test('ten that ask at once get one password; one that a process left locked is not waited for', async () => {
    await machine.signIn(words('login', registry));
    symlinkSync(String(Math.floor(Date.now() / 1000) - 60), join(machine.kept, 'lock'));
    const all = await Promise.all(Array.from({ length: 10 }, () => get()));
    assert.equal(new Set(all.map(({ stdout }) => stdout)).size, 1, all.map(({ output }) => output).join());
    assert.match(all[0]?.stdout ?? '', /dkt_/);
    assert.equal(machine.calls().match(/curl[^\n]*\/oauth\/token/g)?.length, 2, 'one poll, one renewal');
    assert.equal(existsSync(join(machine.kept, 'lock')), false);
  });

  test('a lock that was left while the clock was ahead holds up no one', async () => {
    await machine.signIn(words('login', registry));
    symlinkSync(String(Math.floor(Date.now() / 1000) + 86_400), join(machine.kept, 'lock'));
    assert.match((await get()).stdout, /dkt_/);
    assert.equal(existsSync(join(machine.kept, 'lock')), false);
  });

  test('uses a password that works while Dockpass is away; list and erase need no network', async () => {
    await machine.signIn(words('login', registry));
    const cached = (await get()).stdout;
    writeFileSync(join(machine.kept, 'url'), 'http://localhost:1\n');
    assert.equal((await get()).stdout, cached);
    endCacheIn(120);
    assert.equal((await get()).stdout, cached, 'also where it ought to be renewed');
    endCacheIn(-1);
    const { code, stdout, output } = await get();
    assert.deepEqual([code, stdout], [1, notFound]);
    assert.match(output, /http:\/\/localhost:1 does not answer/);
    assert.match(machine.calls(), /curl[^\n]*--max-time 3 /);
    assert.deepEqual(JSON.parse((await machine.helper(['list'])).stdout), { [registry]: ana });
    const erased = await machine.helper(['erase'], registry);
    assert.equal(erased.code, 0);
    assert.match(erased.output, /Signed out here, but http:\/\/localhost:1 was not told/);
    assert.deepEqual(readdirSync(machine.kept).toSorted(), ['account', 'hosts', 'url']);
  });

  test('refuses files that are not private: readable by others, of someone else, a link; also the address it would ask', async () => {
    await machine.signIn(words('login', registry));
    for (const name of ['secret', 'url']) {
      chmodSync(join(machine.kept, name), 0o644);
      assert.match((await get()).output, /readable by others, so it is not used/, name);
      chmodSync(join(machine.kept, name), 0o600);
    }
    if (process.getuid?.() === 0) {
      chownSync(join(machine.kept, 'secret'), 65534, 65534);
      assert.match((await get()).output, /not yours/);
      chownSync(join(machine.kept, 'secret'), 0, 0);
    }
    symlinkSync(join(machine.kept, 'secret'), join(machine.kept, ownLogin()));
    assert.match((await get()).output, /is a link/);
    rmSync(join(machine.kept, ownLogin()));
    assert.match((await get()).stdout, /dkt_/);
    const trace = await machine.run('sh', ['-x', ...words('get').slice(1)], registry);
    assert.doesNotMatch(trace.output.replace(trace.stdout, ''), /dk[a-z]_/, 'no trace shows a secret');
  });

  test('the account of a machine is replaced only by someone who says so, and what is not wanted ends immediately', async () => {
    await machine.signIn(words('login', registry));
    const unasked = await machine.signIn(words('login', registry), 'approve', bo);
    assert.match(unasked, /is used as ana@example\.com on this machine\. Replace that with bo@example\.com\?/);
    assert.match(unasked, /was left as it is/);
    assert.equal(JSON.parse((await get()).stdout).Username, ana);
    const other = await machine.signIn(words('login', '--user', ana, registry), 'approve', bo);
    assert.match(other, /approved by bo@example\.com, not by ana@example\.com; nothing was signed in/);
    const ended = ['audit', 'export', '--format', 'jsonl', '--person', bo, '--action', 'machine.end'];
    assert.equal((await scene.installation.command(ended)).stdout.trim().split('\n').length, 2);
    await machine.signIn(words('login', '--user', bo, registry), 'approve', bo);
    assert.equal(JSON.parse((await get()).stdout).Username, bo);
  });

  test('a home folder with a space in its name is one folder, also in the files of docker and podman', async () => {
    const home = join(machine.home, 'Ana Lee');
    mkdirSync(home);
    const unset = ['DOCKER_CONFIG', 'REGISTRY_AUTH_FILE'].flatMap((name) => ['-u', name]);
    const there = ['-C', machine.home, ...unset, `HOME=${home}`];
    assert.match(await machine.signIn(['env', ...there, ...words('setup', registry)]), /Signed in as ana@example\.com/);
    const { credHelpers } = JSON.parse(readFileSync(join(home, '.docker', 'config.json'), 'utf8'));
    assert.deepEqual(credHelpers, { [registry]: 'dockpass' });
    await machine.run('env', [...there, ...words('undo', registry)]);
    assert.match(readFileSync(join(home, '.docker', 'config.json'), 'utf8'), /"credHelpers": \{\}/);
    assert.deepEqual(
      readdirSync(machine.home).filter((name) => /Ana|Lee/.test(name)),
      ['Ana Lee'],
    );
  });

  test('without HOME docker gets no credentials, and a person reads what to do', async () => {
    const asked = await machine.run('env', ['-u', 'HOME', ...words('get')], registry);
    assert.deepEqual([asked.code, asked.stdout], [1, notFound]);
    const setup = await machine.run('env', ['-u', 'HOME', ...words('setup', registry)]);
    for (const { output } of [asked, setup]) assert.match(output, /: HOME is not set; set it to your home folder\n$/);
  });

  test('where nothing can be kept, that is said before anyone approves it', async () => {
    const { code, output } = await machine.run('env', ['DOCKPASS_HOME=/dev/null/x', ...words('setup', registry)]);
    assert.equal(code, 1);
    assert.match(output, /cannot write in \/dev\/null\/x\/localhost/);
    assert.doesNotMatch(output, /Signed in|Type/);
    assert.equal(existsSync(config()), false, 'docker is not told to ask for what is not there');
  });

  test('on a disk that is full, a password is brought still, and what could not be locked is said', async () => {
    const fail = (name: string) =>
      writeFileSync(join(machine.home, 'bin', name), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    await machine.signIn(words('login', registry));
    fail('mktemp');
    const { stdout, output } = await get();
    assert.match(JSON.parse(stdout).Secret, /^dkt_/);
    assert.match(output, /cannot write .*cache/);
    fail('ln');
    assert.match((await get()).output, /Signed out of .*: cannot write in .*dockpass/);
  });

  test('an address with letters of other scripts is the user name as it is', async () => {
    const jo = 'jörg@example.com';
    await scene.installation.addPerson(jo);
    assert.match(await machine.signIn(words('login', registry), 'approve', jo), /Signed in as jörg@example\.com\./);
    const { Username, Secret } = JSON.parse((await get()).stdout);
    assert.equal(Username, jo);
    const headers = { Authorization: `Basic ${Buffer.from(`${Username}:${Secret}`).toString('base64')}` };
    assert.equal((await fetch(`${scene.publicUrl}/auth?service=${registry}`, { headers })).status, 200);
  });

  test('a machine that is signed in once more is still one', async () => {
    const before = new Set((await machines()).map(({ id }) => id));
    await machine.signIn(words('login', registry));
    await machine.signIn(words('login', registry));
    const made = (await machines()).filter(({ id }) => !before.has(id));
    assert.deepEqual(made.map(({ state }) => state).toSorted(), ['active', 'revoked']);
    assert.match((await get()).stdout, /dkt_/);
  });

  test('two machines of a person: each has its own line and its own end', async () => {
    const [home, office] = [machine, await scene.machine()];
    const sign = (one: Machine) =>
      one.signIn(['sh', join(one.home, 'bin', 'docker-credential-dockpass'), 'login', registry]);
    const before = (await machines()).length;
    await sign(home);
    await sign(office);
    const ask = async (one: Machine) => (await one.helper(['get'], registry)).stdout;
    assert.notEqual(await ask(home), await ask(office));
    assert.equal((await machines()).length, before + 2);
    await home.helper(['logout', registry]);
    assert.equal(await ask(home), notFound);
    rmSync(join(office.kept, 'cache'));
    assert.match(await ask(office), /dkt_/);
  });

  test('a machine that an administrator revoked is told so, and docker goes on without', async () => {
    await machine.signIn(words('login', registry));
    assert.match((await get()).stdout, /dkt_/);
    const [newest] = await machines();
    await scene.installation.command(['password', 'revoke', newest?.id ?? '']);
    rmSync(join(machine.kept, 'cache'));
    const { stdout, output } = await get();
    assert.equal(stdout, notFound);
    assert.match(output, /Signed out of .*was revoked on .*Run: docker-credential-dockpass login/);
  });
});
