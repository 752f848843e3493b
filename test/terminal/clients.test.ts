/** Real clients that are given credentials by the helper: Docker Engine with both builders and compose, buildx, podman, skopeo, crane, oras, helm. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { hash } from 'bcryptjs';
import { type DockerEngine, startDockerEngine } from '../support/docker-engine.ts';
import { noHelm } from '../support/helm.ts';
import { writeImage } from '../support/image.ts';
import { missing, notPackaged } from '../support/parts.ts';
import { freePorts } from '../support/ports.ts';
import { type Finished, runProgram } from '../support/process.ts';
import { startRegistry } from '../support/registry.ts';
import { ana, type Machine, startTerminalScene, type TerminalScene } from '../support/terminal-scene.ts';

const skip = missing('docker-registry', 'curl');
const noEngine = missing('root', 'dockerd', 'docker');
const has = (...words: string[]) => spawnSync('docker', words).status === 0;
const noBuildx = noEngine || (!has('buildx', 'version') && 'missing: docker buildx (script/newer-clients)');
const noCompose = noEngine || (!has('compose', 'version') && 'missing: docker compose (script/newer-clients)');

const policy = `
users:
  "": {}
groups:
  platform: [ana@example.com]
acl:
  - match: { group: platform }
    actions: ["*"]
  - match: { kind: anonymous, name: "public/**" }
    actions: [pull]
`;

describe('clients through the credential helper', { skip }, () => {
  const stack = new AsyncDisposableStack();
  let scene: TerminalScene;
  let machine: Machine;
  let registry: string;
  let environment: NodeJS.ProcessEnv;
  before(async () => {
    scene = await startTerminalScene(stack, { policy });
    machine = await scene.machine();
    ({ registry } = scene);
    environment = { ...process.env, ...machine.environment, PATH: `${machine.home}/bin:${process.env['PATH']}` };
    await machine.signIn(['sh', join(machine.home, 'bin', 'docker-credential-dockpass'), 'setup', registry]);
  });
  after(() => stack.disposeAsync());

  const run = (program: string, args: readonly string[], input = ''): Promise<Finished> =>
    runProgram(program, args, { env: environment, cwd: machine.home, input });
  const succeed = async (result: Promise<Finished>): Promise<string> => {
    const { code, output } = await result;
    assert.equal(code, 0, output);
    return output;
  };
  const config = () => join(machine.home, '.docker', 'config.json');

  test('crane', { skip: notPackaged('crane') }, async () => {
    const image = await writeImage(machine.home);
    await succeed(run('crane', ['push', image, `${registry}/team/crane:1`]));
    assert.match(await succeed(run('crane', ['ls', `${registry}/team/crane`])), /^1$/m);
    await succeed(run('crane', ['pull', `${registry}/team/crane:1`, join(machine.home, 'crane.tar')]));
  });

  test('oras', { skip: notPackaged('oras') }, async () => {
    await writeFile(join(machine.home, 'hello.txt'), 'hello\n');
    await succeed(run('oras', ['push', '--plain-http', `${registry}/team/oras:1`, 'hello.txt']));
    await succeed(run('oras', ['pull', '--plain-http', '--output', 'pulled', `${registry}/team/oras:1`]));
  });

  test('helm', { skip: noHelm }, async () => {
    await mkdir(join(machine.home, 'chart'));
    await writeFile(join(machine.home, 'chart', 'Chart.yaml'), 'apiVersion: v2\nname: app\nversion: 1.0.0\n');
    await succeed(run('helm', ['package', 'chart']));
    await succeed(run('helm', ['push', '--plain-http', 'app-1.0.0.tgz', `oci://${registry}/charts`]));
    await succeed(
      run('helm', ['pull', '--plain-http', `oci://${registry}/charts/app`, '--version', '1.0.0', '-d', 'chart']),
    );
  });

  test('skopeo and podman, whose own file has the helper, too', { skip: missing('skopeo', 'podman') }, async () => {
    const image = await writeImage(machine.home);
    const target = `docker://${registry}/team/skopeo:1`;
    await succeed(run('skopeo', ['copy', '--dest-tls-verify=false', `oci:${image}`, target]));
    await succeed(run('skopeo', ['inspect', '--tls-verify=false', target]));
    assert.match(await succeed(run('podman', ['login', '--get-login', registry])), /^ana@example\.com$/m);
    await succeed(run('podman', ['search', '--tls-verify=false', `${registry}/`]));
    assert.deepEqual(JSON.parse(await readFile(join(machine.home, 'auth.json'), 'utf8')), {
      credHelpers: { [registry]: 'dockpass' },
    });
  });

  describe('Docker Engine', { skip: noEngine }, () => {
    let engine: DockerEngine;
    let other: string;
    before(async () => {
      engine = await startDockerEngine(join(machine.home, 'engine'), 'graph driver', {
        client: definedOf(environment),
      });
      stack.defer(() => engine.stop());
      other = await startOtherRegistry();
      await engine.makeImage('made:1');
      for (const repository of ['team/app', 'public/hello']) {
        await succeed(engine.docker(['tag', 'made:1', `${registry}/${repository}:1`]));
        await succeed(engine.docker(['push', `${registry}/${repository}:1`]));
      }
      await succeed(engine.login(other, 'someone', 'their password'));
      await succeed(engine.docker(['tag', 'made:1', `${other}/private:1`]));
      await succeed(engine.docker(['push', `${other}/private:1`]));
    });

    /** A registry with a login that Dockpass has nothing to do with. */
    async function startOtherRegistry(): Promise<string> {
      const [port = 0] = await freePorts(1);
      const passwords = join(machine.home, 'htpasswd');
      await writeFile(passwords, `someone:${(await hash('their password', 4)).replace('$2b$', '$2y$')}\n`);
      const running = await startRegistry({
        ...{ folder: join(machine.home, 'other'), port, realm: '', service: '', issuer: '', certificateBundleFile: '' },
        auth: { htpasswd: { realm: 'other', path: passwords } },
      });
      stack.defer(() => running.stop());
      return `localhost:${port}`;
    }
    const forget = () =>
      engine.docker([
        'image',
        'rm',
        '--force',
        `${registry}/team/app:1`,
        `${registry}/public/hello:1`,
        `${other}/private:1`,
      ]);
    const pull = async (reference: string) => {
      await forget();
      return engine.docker(['pull', reference]);
    };
    const builders: Readonly<Record<string, (base: string) => Promise<Finished>>> = {
      'the classic builder': (base) =>
        engine.docker(['build', '--pull', '--no-cache', '-'], `FROM ${base}\nLABEL a=b\n`),
      buildx: (base) => engine.docker(['buildx', 'build', '--pull', '--no-cache', '-'], `FROM ${base}\nLABEL a=b\n`),
    };
    const inOurs = () => `${registry}/team/app:1`;
    /** What compose pulls. */
    const compose = async (images: readonly string[]) => {
      const services = Object.fromEntries(images.map((image, index) => [`s${index}`, { image }]));
      await writeFile(join(machine.home, 'compose.json'), JSON.stringify({ services }));
      await forget();
      return engine.docker(['compose', '-f', join(machine.home, 'compose.json'), 'pull']);
    };

    test('pushes and pulls, and no password is in its file', async () => {
      await succeed(pull(inOurs()));
      const { auths, credHelpers } = JSON.parse(await readFile(config(), 'utf8'));
      assert.deepEqual([credHelpers, auths[registry]], [{ [registry]: 'dockpass' }, undefined]);
    });

    for (const [name, build] of Object.entries(builders)) {
      const skipped = name === 'buildx' && noBuildx;
      test(`${name} builds on an image of ours and on one of another registry`, { skip: skipped }, async () => {
        await forget();
        await succeed(build(inOurs()));
        await succeed(build(`${other}/private:1`));
      });
    }

    test('compose pulls from both', { skip: noCompose }, async () => {
      await succeed(compose([inOurs(), `${other}/private:1`]));
    });

    test('signed out of ours, the other registry works as before, and what is open to everyone is pulled', async () => {
      await succeed(engine.docker(['logout', registry]));
      const { auths, credHelpers } = JSON.parse(await readFile(config(), 'utf8'));
      assert.deepEqual([Object.keys(auths), credHelpers], [[other], { [registry]: 'dockpass' }]);
      await check();
      assert.notEqual((await pull(inOurs())).code, 0);
    });

    test('so they do while Dockpass is away', async () => {
      await machine.signIn([
        'sh',
        join(machine.home, 'bin', 'docker-credential-dockpass'),
        'login',
        '--user',
        ana,
        registry,
      ]);
      await writeFile(join(machine.kept, 'url'), 'http://localhost:1\n');
      await check();
    });

    /** Pulls, builds and composes with the other registry's login and with none. */
    async function check(): Promise<void> {
      await succeed(pull(`${other}/private:1`));
      await succeed(pull(`${registry}/public/hello:1`));
      for (const [name, build] of Object.entries(builders)) {
        if (name === 'buildx' && noBuildx !== false) continue;
        await forget();
        await succeed(build(`${other}/private:1`));
        await succeed(build(`${registry}/public/hello:1`));
      }
      if (noCompose === false) await succeed(compose([`${other}/private:1`, `${registry}/public/hello:1`]));
    }
  });
});

function definedOf(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
