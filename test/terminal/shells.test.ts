/** The login script that Dockpass serves, in the shells that people have, with real podman and docker against a real registry. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startLossyProxy } from '../support/lossy-proxy.ts';
import { findProgram, missing } from '../support/parts.ts';
import { runProgram } from '../support/process.ts';
import {
  ana,
  bo,
  forgetLogins,
  type Machine,
  startTerminalScene,
  type TerminalScene,
} from '../support/terminal-scene.ts';

const shells = ['dash', 'busybox ash', 'bash', 'mksh', 'zsh'];
const skip = missing('docker-registry', 'podman', 'curl', 'shellcheck', 'busybox', 'mksh', 'zsh', 'script');

describe('the scripts of a terminal', { skip }, () => {
  const stack = new AsyncDisposableStack();
  let scene: TerminalScene;
  let machine: Machine;
  let registry: string;
  let recorded = '';
  before(async () => {
    scene = await startTerminalScene(stack);
    ({ registry } = scene);
    machine = await scene.machine();
  });
  after(() => stack.disposeAsync());

  const login = (...words: string[]) => ['sh', join(machine.home, 'bin', 'login.sh'), '--no-browser', ...words];
  const docker = () => join(machine.home, '.docker', 'config.json');
  /** What docker's file has of the registry: "user:password". */
  const kept = () => {
    const { auths } = JSON.parse(readFileSync(docker(), 'utf8')) as { auths: Record<string, { auth: string }> };
    return Buffer.from(auths[registry]?.auth ?? '', 'base64').toString();
  };

  test('shellcheck has nothing to say, and nothing of the Host header is in them', async () => {
    for (const name of ['login.sh', 'docker-credential-dockpass']) {
      const file = join(machine.home, 'bin', name);
      const { code, output } = await runProgram('shellcheck', ['-s', 'sh', file]);
      assert.equal(code, 0, output);
      const text = readFileSync(file, 'utf8');
      assert.doesNotMatch(text, /evil\.example|@[A-Z_]+@/);
      assert.match(text.trimEnd(), /\nmain "\$@"$/, 'nothing runs before the last line has arrived');
      assert.doesNotMatch(text, /\beval\b/, 'no answer is evaluated');
    }
  });

  test('what differs between installations ends with a line; the SHA-256 of the rest is in the release notes', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    const notes = (await runProgram(process.execPath, ['script/release-notes.ts', version])).stdout;
    for (const name of ['login.sh', 'login.ps1', 'docker-credential-dockpass']) {
      const served = await (await fetch(`${scene.publicUrl}/cli/${name}`)).text();
      assert.match(served, new RegExp(scene.publicUrl), name);
      // As docs/terminal.md says.
      const command = ['-c', "sed '1,/^# ---/d' | sha256sum"];
      const [sum = ''] = (await runProgram('sh', command, { input: served })).stdout.split(' ');
      assert.match(notes, new RegExp(`\`${name}\`: \`${sum}\``), name);
    }
  });

  for (const shell of shells) {
    test(`login.sh logs docker and podman in, and no argument of any program has the password (${shell})`, async () => {
      forgetLogins(machine);
      const words = [...shell.split(' '), ...login(registry).slice(1)];
      const output = await machine.signIn(words);
      assert.match(output, /Signed in as ana@example\.com\./);
      assert.match(output, /podman is logged in to localhost/);
      const list = await machine.run('podman', ['search', '--tls-verify=false', `${registry}/`]);
      assert.equal(list.code, 0, list.output);
      if (findProgram('docker') !== null) {
        recorded = output;
        assert.match(output, /docker is logged in to localhost/);
        assert.match(kept(), /^ana@example\.com:dkp_/);
      }
      assert.match(machine.calls(), /curl --config -/);
      assert.doesNotMatch(machine.calls(), /dk[a-z]_|[\w-]{43}/, 'everyone on a machine can read arguments');
    });
  }

  test('the session that README and docs/terminal.md show is what comes', { skip: missing('docker') }, () => {
    const shown = recorded
      .replaceAll(registry, 'registry.example.com')
      .replaceAll(scene.publicUrl, 'https://auth.example.com')
      .replace(/[A-Z]{4}-[A-Z]{4}/, 'WDJB-MJHT');
    for (const file of ['README.md', 'docs/terminal.md']) {
      assert.ok(readFileSync(file, 'utf8').includes(` registry.example.com\n${shown}\`\`\``), file);
    }
  });

  test('no trace shows the password', async () => {
    const [sh = '', ...words] = login(registry);
    const output = await machine.signIn([sh, '-x', ...words]);
    assert.match(output, /\+ main/);
    assert.doesNotMatch(output, /dkp_/);
  });

  test('only what can be printed reaches the terminal', async () => {
    const hostile = await scene.machine();
    const curl = join(hostile.home, 'bin', 'curl');
    const answer = '{"error":"x","error_description":"\\033[31mred\\007 \\302\\233text"}\\n400';
    writeFileSync(curl, `#!/bin/sh\nprintf '${answer}'\n`, { mode: 0o755 });
    const { output } = await hostile.run('sh', [join(hostile.home, 'bin', 'login.sh'), registry]);
    assert.match(output, /\[31mred text/);
    assert.equal(/[^\n -~]/.test(output), false, JSON.stringify(output));
  });

  test('an approval by someone else than the expected account logs nobody in', async () => {
    forgetLogins(machine);
    const output = await machine.signIn(login('--user', 'Ana@Example.com', registry), 'approve', bo);
    assert.match(output, /approved by bo@example\.com, not by ana@example\.com; nothing was logged in/);
    assert.equal(existsSync(join(machine.home, 'auth.json')), false);
    assert.match(await machine.signIn(login('--user', 'Ana@Example.com', registry)), /podman is logged in/);
  });

  test('the login of another account is replaced only by someone who says so', {
    skip: missing('docker'),
  }, async () => {
    forgetLogins(machine);
    await machine.signIn(login(registry));
    assert.match(kept(), /^ana@/);
    // Someone had ana type their code: they approve it with their own account, and ana would push into it.
    const unasked = await machine.signIn(login(registry), 'approve', bo);
    assert.match(unasked, /docker is logged in to \S+ as ana@example\.com\. Replace that with bo@example\.com\?/);
    assert.match(unasked, /no terminal to ask on[\s\S]*docker was left as it is/);
    assert.match(kept(), /^ana@/);
    for (const [reply, owner] of [
      ['n', /^ana@/],
      ['y', /^bo@/],
    ] as const) {
      const answers = await onTerminal(login(registry), `${reply}\n${reply}\n`);
      assert.match(answers, /Replace that with bo@example\.com\? \[y\/N\]/);
      assert.match(kept(), owner);
    }
  });

  /** Runs it on a terminal of its own, where bo approves and someone types. */
  async function onTerminal(words: readonly string[], typed: string): Promise<string> {
    const quoted = words.map((word) => `'${word}'`).join(' ');
    const answers = join(machine.home, 'answers');
    writeFileSync(answers, typed);
    // script(1) gives the program a terminal; what is typed waits in it until it's read.
    const command = ['script', '-qefc', `${quoted}`, '/dev/null'];
    const { code, ended } = await machine.start([
      'sh',
      '-c',
      `${command.map((word) => `"${word}"`).join(' ')} <'${answers}'`,
    ]);
    await scene.decide(code, 'approve', bo);
    return ended;
  }

  test('the login in a credential helper of the system is asked about, too', { skip: missing('docker') }, async () => {
    forgetLogins(machine);
    mkdirSync(join(machine.home, '.docker'));
    writeFileSync(docker(), JSON.stringify({ credsStore: 'keychain' }));
    const keychain = join(machine.home, 'bin', 'docker-credential-keychain');
    const answer = JSON.stringify({ ServerURL: registry, Username: ana, Secret: 'x' });
    writeFileSync(keychain, `#!/bin/sh\ncase $1 in get) echo '${answer}' ;; esac\n`, { mode: 0o755 });
    assert.match(await machine.signIn(login(registry), 'approve', bo), /docker was left as it is/);
  });

  test('an address with letters of other scripts is the user name as it is', { skip: missing('docker') }, async () => {
    const jo = 'jörg@example.com';
    await scene.installation.addPerson(jo);
    forgetLogins(machine);
    const output = await machine.signIn(login('--user', 'Jörg@example.com', registry), 'approve', jo);
    assert.match(output, /Signed in as jörg@example\.com\.\ndocker is logged in/);
    assert.match(kept(), /^jörg@example\.com:dkp_/);
  });

  test('without HOME no one could be asked about the login of another account, so it ends', async () => {
    const { output } = await machine.run('env', ['-u', 'HOME', '-u', 'DOCKER_CONFIG', ...login(registry)]);
    assert.match(output, /^login\.sh: HOME is not set; set it to your home folder\n$/);
  });

  test('a refusal and a registry that is not there are said', async () => {
    assert.match(await machine.signIn(login(registry), 'refuse'), /It was refused in the browser/);
    const { code, output } = await machine.run('sh', login('other.example.com').slice(1));
    assert.equal(code, 1);
    assert.match(output, new RegExp(`registry must be one of ${registry}`));
    const away = await scene.machine('http://localhost:1');
    const lost = await away.run('sh', [join(away.home, 'bin', 'login.sh'), registry]);
    assert.match(lost.output, /http:\/\/localhost:1 does not answer/);
  });

  test('a poll that is lost, and an answer that is lost after the approval, cost nothing', {
    skip: missing('docker'),
  }, async (t) => {
    const lost: string[] = [];
    const proxy = await startLossyProxy(scene.publicUrl, (path, status) => {
      const what = status === null ? 'a request' : status === 200 ? 'the answer' : null;
      if (path !== '/oauth/token' || what === null || lost.includes(what)) return false;
      lost.push(what);
      return true;
    });
    t.after(() => proxy.stop());
    const far = await scene.machine(proxy.url);
    const script = await far.start(['sh', join(far.home, 'bin', 'login.sh'), '--no-browser', registry]);
    await scene.decide(script.code);
    assert.match(await script.ended, /docker is logged in/);
    assert.deepEqual(lost, ['a request', 'the answer']);
    const auths = JSON.parse(readFileSync(join(far.home, '.docker', 'config.json'), 'utf8')).auths;
    const headers = { Authorization: `Basic ${auths[registry].auth}` };
    assert.equal((await fetch(`${scene.publicUrl}/auth?service=${registry}`, { headers })).status, 200);
    const helper = await scene.machine(proxy.url);
    lost.length = 0;
    assert.match(
      await helper.signIn(['sh', join(helper.home, 'bin', 'docker-credential-dockpass'), 'login', registry]),
      /Signed in as/,
    );
    assert.deepEqual(lost, ['a request', 'the answer']);
    assert.match((await helper.helper(['get'], registry)).stdout, /dkt_/);
  });

  test('login.ps1 was never run here; what can be seen is that no secret is an argument in it', () => {
    const text = readFileSync(new URL('../../views/cli/login.ps1', import.meta.url), 'utf8');
    const lines = text.split('\n').filter((line) => line.includes('access_token'));
    assert.deepEqual(lines, ['  $answer.access_token | & $tool login --username $name --password-stdin $Registry']);
    assert.doesNotMatch(text, /Invoke-Expression|\biex\b/);
    assert.doesNotMatch(text, /Write-Host \$answer|Write-Host .*error_description(?!\))/);
  });
});
