/** The image, as a release publishes it: what is in it, that the same commit gives the same bytes, and that a real Docker Engine runs it. */
import assert from 'node:assert/strict';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { checkStory } from '../../script/demo-check.ts';
import { type Launch, startDemo } from '../../script/demo-services.ts';
import { ana, startClientWorld } from '../support/client-world.ts';
import { type DockerEngine, startDockerEngine } from '../support/docker-engine.ts';
import { missing, noCompose } from '../support/parts.ts';
import { type Finished, runProgram, startProgram } from '../support/process.ts';

type Descriptor = { readonly digest: string; readonly size: number };
type Manifest = { readonly config: Descriptor; readonly layers: readonly Descriptor[] };
type Config = {
  readonly architecture: string;
  readonly config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Entrypoint: readonly string[];
    readonly Healthcheck: { readonly Test: readonly string[] };
    readonly Labels: Readonly<Record<string, string>>;
  };
};

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
/** script/image: Debian has newer packages than deploy/image/base.lock. Nothing here can change that. */
const baseMoved = 3;

describe('the image', {
  skip: missing('root', 'mmdebstrap', 'npm', 'skopeo', 'dockerd', 'docker', 'docker-registry'),
}, () => {
  // On a short path, for the engine's socket.
  const folder = mkdtempSync('/tmp/dpi-');
  // A release tests the very layout that it publishes.
  const layout = process.env['IMAGE_LAYOUT'] ?? join(folder, 'image');
  const stack = new AsyncDisposableStack();
  let builds: readonly Finished[] = [];
  let image: Manifest;
  let config: Config;
  let engine: DockerEngine;

  const blob = (digest: string): Buffer => readFileSync(join(layout, 'blobs', 'sha256', digest.replace('sha256:', '')));
  const json = <Shape>(content: Buffer): Shape => JSON.parse(content.toString()) as Shape;
  const manifestsOf = (content: Buffer) => json<{ manifests: readonly Descriptor[] }>(content).manifests;
  const build = (target: string) => runProgram('script/image', [target, 'amd64']);

  before(async () => {
    if (process.env['IMAGE_LAYOUT'] === undefined)
      builds = await Promise.all([build(layout), build(`${layout}-again`)]);
    if (builds.some(({ code }) => code === baseMoved)) return;
    for (const { code, output } of builds) assert.equal(code, 0, output);
    const [index] = manifestsOf(readFileSync(join(layout, 'index.json')));
    const [amd64] = manifestsOf(blob(index?.digest ?? ''));
    image = json<Manifest>(blob(amd64?.digest ?? ''));
    config = json<Config>(blob(image.config.digest));
  });
  after(async () => {
    await stack.disposeAsync();
    rmSync(folder, { recursive: true, force: true });
  });

  const skipIfMoved = (t: { skip(reason: string): void }): boolean => {
    const moved = builds.some(({ code }) => code === baseMoved);
    if (moved) t.skip('Debian has newer packages than deploy/image/base.lock (script/image --accept-base)');
    return moved;
  };

  test('is the same, byte for byte, when it is built again', (t) => {
    if (skipIfMoved(t)) return;
    const [first, again] = builds;
    assert.equal(first?.stdout, again?.stdout);
    if (first !== undefined) assert.match(first.stdout, /^sha256:[0-9a-f]{64} /);
  });

  test('has at most 70 MB, no shell, and nothing of another architecture', (t) => {
    if (skipIfMoved(t)) return;
    const size = image.layers.reduce((sum, layer) => sum + layer.size, 0);
    assert.ok(size < 70_000_000, `${size} bytes`);
    const names = image.layers.flatMap(({ digest }) => namesIn(gunzipSync(blob(digest))));
    for (const name of ['bin/dockpass', 'lib/dockpass/deploy/kubernetes/dockpass-credential-provider'])
      assert.ok(names.includes(`./usr/${name}`), name);
    const unwanted =
      /^\.\/(?:usr\/)?s?bin\/(?!node$|dockpass$)[^/]+$|(?:arm64|darwin|win32|musl).*\.node$|\/typescript\/|\.d\.ts$/;
    assert.deepEqual(
      names.filter((name) => unwanted.test(name)),
      [],
    );
  });

  test('runs as a number that is not root, calls dockpass by itself, and says what it is', (t) => {
    if (skipIfMoved(t)) return;
    const { User, Entrypoint, Healthcheck, Labels, Env } = config.config;
    assert.deepEqual([config.architecture, User, Entrypoint], ['amd64', '1000:1000', ['dockpass']]);
    assert.deepEqual(Healthcheck.Test, ['CMD', 'dockpass', 'health']);
    assert.equal(Labels['org.opencontainers.image.version'], version);
    assert.ok(Env.includes('CERTIFICATE_BUNDLE_FILE=/certs/registry-bundle.pem'));
  });

  test('goes through Dockpass into a registry, and from there into a Docker Engine', async (t) => {
    if (skipIfMoved(t)) return;
    const world = await startClientWorld(stack);
    const { secret } = await world.newPassword(ana);
    const name = `${world.registry}/dockpass/dockpass:${version}`;
    const options = ['--all', '--dest-tls-verify=false', `--dest-creds=${ana}:${secret}`];
    const pushed = await runProgram('skopeo', ['copy', ...options, `oci:${layout}:${version}`, `docker://${name}`]);
    assert.equal(pushed.code, 0, pushed.output);
    engine = await startDockerEngine(join(folder, 'e'));
    stack.defer(() => engine.stop());
    assert.equal((await engine.login(world.registry, ana, secret)).code, 0);
    const pulled = await engine.docker(['pull', name]);
    assert.equal(pulled.code, 0, pulled.output);
    await engine.docker(['tag', name, 'dockpass']);
  });

  test('tells the whole story of the demo, with a read-only root and no capability', async (t) => {
    if (skipIfMoved(t)) return;
    const demo = join(folder, 'demo');
    mkdirSync(join(demo, 'dockpass'), { recursive: true });
    chownSync(join(demo, 'dockpass'), 1000, 1000);
    const limits = [
      '--read-only',
      '--cap-drop=ALL',
      '--security-opt=no-new-privileges',
      '--network=host',
      '--init=false',
    ];
    const volumes = [`--volume=${demo}:${demo}`, `--volume=${process.cwd()}/script:${process.cwd()}/script:ro`];
    const launch: Launch = (words, environment) => {
      const { PATH: _, ...settings } = environment;
      const given = Object.entries(settings).map(([key, value]) => `--env=${key}=${value}`);
      return ['docker', ['--host', engine.host, 'run', '--rm', ...limits, ...volumes, ...given, 'dockpass', ...words]];
    };
    const lines: string[] = [];
    const own = new AsyncDisposableStack();
    stack.use(own);
    const running = await startDemo({ folder: demo, launch }, own);
    const told = await checkStory(running, demo, (line) => lines.push(line));
    assert.ok(told, lines.join('\n'));
    assert.ok(existsSync(join(demo, 'dockpass', 'registry-bundle.pem')));
    await own.disposeAsync();
  });

  test('is healthy by its own check, with volumes that the engine makes and any user', async (t) => {
    if (skipIfMoved(t)) return;
    const settings = [
      'PUBLIC_URL=https://auth.example.com',
      'SERVICES=registry.example.com',
      'TRUSTED_PROXIES=127.0.0.1',
      'LISTEN_ADDRESS=127.0.0.1',
    ];
    const policy = `--volume=${process.cwd()}/test/fixtures/0.1.0:/etc/dockpass:ro`;
    const given = settings.map((setting) => `--env=${setting}`);
    const users: Readonly<Record<string, readonly string[]>> = {
      own: [],
      other: ['--user=23456:0', '--tmpfs=/data:uid=23456,mode=0700', '--tmpfs=/certs:uid=23456'],
    };
    for (const [user, options] of Object.entries(users)) {
      const run = ['run', '--detach', `--name=${user}`, '--read-only', '--network=none'];
      const started = await engine.docker([...run, ...options, policy, ...given, 'dockpass']);
      assert.equal(started.code, 0, started.output);
      const follow = ['--host', engine.host, 'logs', '--follow', user];
      const log = await startProgram('docker', follow, { ready: /"listening"/ });
      const health = await engine.docker(['exec', user, 'dockpass', 'health']);
      assert.equal(health.code, 0, `${user}: ${health.output}\n${log.output()}`);
      const list = await engine.docker(['exec', user, 'dockpass', 'key', 'list']);
      assert.equal(list.code, 0, list.output);
      await engine.docker(['rm', '--force', user]);
      await log.stop();
    }
  });

  test('takes a newcomer from nothing to docker push, by the commands of docs/getting-started.md', {
    skip: missing('git', 'unshare', 'ip', 'docker-proxy') || noCompose(),
  }, async (t) => {
    if (skipIfMoved(t)) return;
    const newcomer = new URL('../support/newcomer.ts', import.meta.url).pathname;
    const place = join(folder, 'n');
    mkdirSync(place);
    // The ports of the page are fixed: in a network of its own nobody else has them.
    const enter = 'ip link set lo up && exec "$@"';
    const words = ['--net', 'sh', '-c', enter, 'sh', process.execPath, newcomer, layout, place];
    const { code, output } = await runProgram('unshare', words);
    assert.equal(code, 0, output);
    for (const says of [/Login Succeeded/, /latest: digest: sha256:/, /denied|unauthorized/])
      assert.match(output, says);
  });
});

/** The names in a tar of the POSIX kind: header blocks of 512 bytes, each followed by its content. */
function namesIn(tar: Buffer): string[] {
  const names: string[] = [];
  for (let at = 0; at < tar.length && tar[at] !== 0; ) {
    const text = (from: number, length: number): string =>
      tar.toString('latin1', at + from, at + from + length).replace(/\0.*$/s, '');
    const prefix = text(345, 155);
    if (text(156, 1) !== 'x') names.push(prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`);
    at += 512 + Math.ceil(Number.parseInt(text(124, 12), 8) / 512) * 512;
  }
  return names;
}
