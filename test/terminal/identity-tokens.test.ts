/** Logging real docker and podman in where docker keeps an identity token, which podman reads and refuses; and whose login podman has. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { missing } from '../support/parts.ts';
import { main } from '../support/program.ts';
import { type Machine, startTerminalScene, type TerminalScene } from '../support/terminal-scene.ts';

describe('docker and podman', { skip: missing('docker-registry', 'docker', 'podman', 'curl') }, () => {
  const stack = new AsyncDisposableStack();
  let scene: TerminalScene;
  let machine: Machine;
  before(async () => {
    scene = await startTerminalScene(stack, { settings: { IDENTITY_TOKENS: 'true' } });
  });
  beforeEach(async () => {
    machine = await scene.machine();
    mkdirSync(join(machine.home, 'run'));
  });
  after(() => stack.disposeAsync());

  const isIn = (file: string) => readFileSync(file, 'utf8').includes(`"${scene.registry}"`);
  const writeLogin = (file: string, login: string) => {
    mkdirSync(dirname(file), { recursive: true });
    const auth = Buffer.from(`${login}:x`).toString('base64');
    writeFileSync(file, JSON.stringify({ auths: { [scene.registry]: { auth } } }));
  };

  for (const [name, command] of [
    ['login.sh', () => ['sh', join(machine.home, 'bin', 'login.sh'), '--no-browser']],
    ['dockpass login', () => [process.execPath, main, 'login', '--headless', '--server', scene.publicUrl]],
  ] as const) {
    /** The variables of the machine say where both keep their logins, unless these are others. */
    const signIn = (variables: readonly string[]) =>
      machine.signIn(['env', '-u', 'DOCKER_CONFIG', '-u', 'REGISTRY_AUTH_FILE', ...variables, ...command()]);
    const files = () => ({ docker: join(machine.home, '.docker', 'config.json'), own: join(machine.home, 'own.json') });

    for (const [where, variables, file] of [
      ['in the file of REGISTRY_AUTH_FILE', () => [`REGISTRY_AUTH_FILE=${files().own}`], () => files().own],
      [
        'in the runtime folder',
        () => [`XDG_RUNTIME_DIR=${join(machine.home, 'run')}`],
        () => join(machine.home, 'run', 'containers', 'auth.json'),
      ],
      ['in the file of docker', () => [`DOCKER_CONFIG=${dirname(files().docker)}`], () => files().docker],
    ] as const) {
      test(`${name} logs both in, each time, where podman keeps its login ${where}`, async () => {
        for (const _time of ['first', 'second']) {
          const output = await signIn(variables());
          assert.match(output, /docker is logged in to[\s\S]*podman is logged in to/);
          assert.match(readFileSync(files().docker, 'utf8'), /"identitytoken": "dki_/);
          assert.ok(isIn(file()));
        }
        const env = ['-u', 'DOCKER_CONFIG', '-u', 'REGISTRY_AUTH_FILE', ...variables()];
        const list = await machine.run('env', [...env, 'podman', 'search', '--tls-verify=false', `${scene.registry}/`]);
        assert.equal(list.code, 0, list.output);
      });
    }

    test(`${name} asks before a login is replaced that podman has in another of its files`, async () => {
      writeLogin(join(machine.home, '.config', 'containers', 'auth.json'), 'bo@example.com');
      const output = await signIn([`XDG_RUNTIME_DIR=${join(machine.home, 'run')}`]);
      assert.match(output, /podman is logged in to \S+ as bo@example\.com\. Replace that with ana@example\.com\?/);
      assert.match(output, /podman was left as it is/);
    });

    test(`${name} asks before docker's login is replaced, also where DOCKER_CONFIG is empty`, async () => {
      writeLogin(files().docker, 'bo@example.com');
      const output = await signIn(['DOCKER_CONFIG=', `XDG_RUNTIME_DIR=${join(machine.home, 'run')}`]);
      assert.match(output, /docker is logged in to \S+ as bo@example\.com\. Replace that with ana@example\.com\?/);
      assert.match(output, /docker was left as it is/);
    });
  }
});
