/** The installer of the kubelet's plugin, on stand-ins for nodes: at no moment, crashed or not, is a kubelet left that can't start. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { type Host, openHost } from '../../src/kubernetes/host.ts';
import { type Kubelet, openKubelet } from '../../src/kubernetes/kubelet.ts';
import { withFlags, withoutFlags } from '../../src/kubernetes/node-files.ts';
import { installOnNode, Restored, removeFromNode } from '../../src/kubernetes/node-install.ts';
import { checkVersion, type NodeParts } from '../../src/kubernetes/node-place.ts';
import { type Finished, runProgram, startProgram } from '../support/process.ts';
import { main } from '../support/program.ts';
import { createNodeRoot, flagsOf, type NodeKind, problemAtStart, startNode } from '../support/stand-in-node.ts';

const plugin = readFileSync('deploy/kubernetes/dockpass-credential-provider', 'utf8');
const name = 'dockpass-credential-provider';
const folders = { kubeadm: '/etc/kubernetes/credential-provider', k3s: '/var/lib/rancher/credentialprovider' };
const kinds: readonly NodeKind[] = ['kubeadm', 'k3s'];

class Crash extends Error {}

type Scene = {
  readonly root: string;
  readonly parts: NodeParts;
  install(registry?: string): Promise<string>;
  remove(): Promise<string>;
  /** The process ends before the step of this number; 0 is the next one. */
  crashAt(step: number): void;
  /** The kubelet doesn't like what makes this true. */
  refuses: () => boolean;
  restarts: number;
};

/** The files are real, the kubelet is one that starts or doesn't. */
function createScene(kind: NodeKind, t: { after(done: () => void): void }): Scene {
  const { root, remove } = createNodeRoot(kind);
  t.after(remove);
  let ahead = Number.POSITIVE_INFINITY;
  const step = (): void => {
    if (ahead-- === 0) throw new Crash();
  };
  const real = openHost(root);
  const host: Host = {
    ...real,
    async write(...all) {
      step();
      await real.write(...all);
    },
    async remove(path) {
      step();
      await real.remove(path);
    },
  };
  let [flags, running] = [flagsOf(root, kind), true];
  const kubelet: Kubelet = {
    commandLine: async () => [kind === 'k3s' ? 'k3s server' : '/usr/bin/kubelet', ...flags].join(' '),
    isHealthy: async () => running,
    async restart() {
      step();
      scene.restarts++;
      flags = flagsOf(root, kind);
      running = problemAtStart(root, kind) === null && !scene.refuses();
      step();
      return running;
    },
  };
  const parts = { host, kubelet, profile: kind };
  const scene: Scene = {
    ...{ root, parts, refuses: () => false, restarts: 0 },
    install(registry = 'registry.example.com') {
      const settings = { registry, audience: 'https://auth.example.com', username: 'oidc', profile: kind };
      return installOnNode(parts, { settings, plugin });
    },
    remove: () => removeFromNode(parts),
    crashAt(number) {
      ahead = number;
    },
  };
  return scene;
}

const read = (scene: Scene, path: string): string | null =>
  existsSync(join(scene.root, path)) ? readFileSync(join(scene.root, path), 'utf8') : null;
const write = (scene: Scene, path: string, text: string): void => {
  mkdirSync(join(scene.root, path, '..'), { recursive: true });
  writeFileSync(join(scene.root, path), text);
};
const configOf = (kind: NodeKind): string => `${folders[kind]}/config.yaml`;
const pluginOf = (kind: NodeKind): string => `${folders[kind]}/bin/${name}`;
const providersIn = (text: string | null): { name: string; args?: string[] }[] => parse(text ?? '').providers;

/** Another provider, as a cluster on ECR has it. */
const others = `# ours since 2023
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: ecr-credential-provider # do not remove
    matchImages: ["*.dkr.ecr.*.amazonaws.com"]
    defaultCacheDuration: 12h
    apiVersion: credentialprovider.kubelet.k8s.io/v1
`;
function addOthers(scene: Scene, kind: NodeKind): void {
  write(scene, configOf(kind), others);
  write(scene, `${folders[kind]}/bin/ecr-credential-provider`, '#!/bin/sh\n');
  chmodSync(join(scene.root, folders[kind], 'bin/ecr-credential-provider'), 0o755);
}
const ownFlags = `--image-credential-provider-config=${configOf('kubeadm')} --image-credential-provider-bin-dir=${folders.kubeadm}/bin`;

for (const kind of kinds) {
  describe(`on a node of ${kind}`, () => {
    test('installs the plugin, a configuration for one host, and restarts once; again, it does nothing', async (t) => {
      const scene = createScene(kind, t);
      assert.equal(await scene.install(), 'changed');
      assert.equal(read(scene, pluginOf(kind)), plugin);
      assert.equal(statSync(join(scene.root, pluginOf(kind))).mode & 0o777, 0o755);
      const [provider, ...rest] = providersIn(read(scene, configOf(kind)));
      assert.deepEqual(rest, []);
      assert.deepEqual(provider?.args, ['--registry', 'registry.example.com', '--username', 'oidc']);
      assert.equal(await scene.install(), 'unchanged');
      assert.equal(scene.restarts, 1);
      assert.equal(await scene.install('other.example.com'), 'changed');
      assert.equal(providersIn(read(scene, configOf(kind)))[0]?.args?.[1], 'other.example.com');
    });

    test('removing it leaves what was there before', async (t) => {
      const scene = createScene(kind, t);
      await scene.install();
      assert.equal(await scene.remove(), 'changed');
      for (const path of [configOf(kind), pluginOf(kind), '/var/lib/dockpass-node/journal.json']) {
        assert.equal(read(scene, path), null, path);
      }
      assert.deepEqual(flagsOf(scene.root, kind), []);
      assert.equal(await scene.remove(), 'unchanged');
    });

    test("keeps the other providers, with their comments, and a kubelet's other flags", async (t) => {
      const scene = createScene(kind, t);
      addOthers(scene, kind);
      if (kind === 'kubeadm')
        write(scene, '/etc/default/kubelet', `KUBELET_EXTRA_ARGS="--node-ip=10.0.0.5 ${ownFlags}"\n`);
      await scene.parts.kubelet.restart();
      await scene.install();
      const text = read(scene, configOf(kind)) ?? '';
      assert.deepEqual(
        providersIn(text).map((one) => one.name),
        ['ecr-credential-provider', name],
      );
      assert.match(text, /# ours since 2023[\s\S]*# do not remove/);
      if (kind === 'kubeadm') assert.ok(flagsOf(scene.root, kind).includes('--node-ip=10.0.0.5'));
      await scene.remove();
      assert.deepEqual(providersIn(read(scene, configOf(kind))), providersIn(others));
      assert.equal(problemAtStart(scene.root, kind), null);
    });

    test('brings back what was there when the kubelet does not get healthy', async (t) => {
      const scene = createScene(kind, t);
      addOthers(scene, kind);
      if (kind === 'kubeadm') write(scene, '/etc/default/kubelet', `KUBELET_EXTRA_ARGS="${ownFlags}"\n`);
      await scene.parts.kubelet.restart();
      scene.refuses = () => read(scene, configOf(kind))?.includes(name) ?? false;
      await assert.rejects(scene.install(), /not healthy within a minute.*What was there before is back/);
      assert.equal(read(scene, configOf(kind)), others);
      assert.equal(read(scene, pluginOf(kind)), null);
      assert.ok(await scene.parts.kubelet.isHealthy());
    });

    /** What is done, and what must be true of it in the end, however often it is interrupted. */
    const works: Readonly<Record<string, (scene: Scene) => Promise<string>>> = {
      installing: (scene) => scene.install(),
      removing: (scene) => scene.remove(),
      'installing what the kubelet does not like': async (scene) => {
        scene.refuses = () => read(scene, configOf(kind))?.includes(name) ?? false;
        return scene.install();
      },
    };
    for (const [what, work] of Object.entries(works)) {
      test(`${what}: a crash at any step leaves a kubelet that can start, and the next run brings it to the end`, async (t) => {
        let steps = 0;
        for (let crashed = true; crashed; steps++) {
          const scene = createScene(kind, t);
          if (what === 'removing') await scene.install();
          scene.crashAt(steps);
          const first = await work(scene).catch((error: unknown) => error);
          crashed = first instanceof Crash;
          assert.equal(problemAtStart(scene.root, kind), null, `after a crash at step ${steps}`);
          scene.crashAt(Number.POSITIVE_INFINITY);
          const refused = what.endsWith('like');
          // A run after a crash can find the kubelet down: it then only brings back what was before.
          for (let runs = 0; runs < 2; runs++)
            await work(scene).catch((error: Error) => assert.ok(refused || runs === 0, error));
          assert.ok(await scene.parts.kubelet.isHealthy(), `after a crash at step ${steps}`);
          assert.equal(problemAtStart(scene.root, kind), null);
          assert.equal(read(scene, '/var/lib/dockpass-node/journal.json'), null);
          const named = read(scene, configOf(kind))?.includes(name) ?? false;
          assert.equal(named, what === 'installing', `after a crash at step ${steps}`);
        }
        assert.ok(steps > 4, `${steps} steps`);
      });
    }
  });
}

describe('the installer changes nothing', () => {
  const refusals: Readonly<Record<string, readonly [prepare: (scene: Scene) => void, says: RegExp]>> = {
    'where the feature gate is off': [
      (scene) =>
        write(
          scene,
          '/var/lib/kubelet/config.yaml',
          'featureGates: { KubeletServiceAccountTokenForCredentialProviders: false }',
        ),
      /feature gate/,
    ],
    'where nobody starts the kubelet again': [
      (scene) => write(scene, '/etc/systemd/system/kubelet.service.d/20-own.conf', '[Service]\nRestart=on-failure\n'),
      /Restart=on-failure/,
    ],
    'where the configuration is of an older version': [
      (scene) => write(scene, configOf('kubeadm'), others.replace('/v1', '/v1alpha1')),
      /its apiVersion is kubelet\.config\.k8s\.io\/v1alpha1/,
    ],
    'where the configuration is no YAML': [(scene) => write(scene, configOf('kubeadm'), 'a: [b'), /can't be added to/],
    'where the flags have quotes inside': [
      (scene) => write(scene, '/etc/default/kubelet', `KUBELET_EXTRA_ARGS="--node-labels='a'"\n`),
      /Add the flags yourself/,
    ],
    'where the unit reads no such file': [
      (scene) => write(scene, '/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf', '[Service]\n'),
      /where its other flags are/,
    ],
  };
  for (const [what, [prepare, says]] of Object.entries(refusals)) {
    test(what, async (t) => {
      const scene = createScene('kubeadm', t);
      prepare(scene);
      await assert.rejects(scene.install(), says);
      assert.equal(scene.restarts, 0);
      assert.equal(read(scene, pluginOf('kubeadm')), null);
    });
  }

  test('where the kubelet is older than 1.34', () => {
    for (const version of ['v1.33.7', 'v1.9.1', '1.20.2', 'x', '']) {
      assert.throws(() => checkVersion(version), /from 1\.34 on/, version);
    }
    for (const version of ['v1.34.0', 'v1.35.1+k3s1', 'v2.0.0']) checkVersion(version);
  });
});

test('a folder of configurations gets a file of its own, and loses it again', async (t) => {
  const scene = createScene('kubeadm', t);
  const folder = '/etc/kubernetes/providers.d';
  write(scene, `${folder}/10-ecr.yaml`, others);
  write(
    scene,
    '/etc/default/kubelet',
    `KUBELET_EXTRA_ARGS="--image-credential-provider-config=${folder} --image-credential-provider-bin-dir=/opt/bin"\n`,
  );
  scene.parts.kubelet.restart = async () => true;
  await scene.install();
  assert.equal(providersIn(read(scene, `${folder}/dockpass.yaml`))[0]?.name, name);
  assert.equal(read(scene, `/opt/bin/${name}`), plugin);
  assert.equal(read(scene, `${folder}/10-ecr.yaml`), others);
  await scene.remove();
  assert.deepEqual([read(scene, `${folder}/dockpass.yaml`), read(scene, `/opt/bin/${name}`)], [null, null]);
});

test('flags are added to what is there, and taken out of it', () => {
  const flags = { config: '/c', bin: '/b' };
  const both = '--image-credential-provider-config=/c --image-credential-provider-bin-dir=/b';
  const cases: readonly (readonly [before: string | null, after: string])[] = [
    [null, `KUBELET_EXTRA_ARGS="${both}"\n`],
    ['# none', `# none\nKUBELET_EXTRA_ARGS="${both}"\n`],
    ['KUBELET_EXTRA_ARGS=\n', `KUBELET_EXTRA_ARGS="${both}"\n`],
    ['KUBELET_EXTRA_ARGS=--v=2 --x=y\nB=1\n', `KUBELET_EXTRA_ARGS="--v=2 --x=y ${both}"\nB=1\n`],
    [`KUBELET_EXTRA_ARGS='--v=2'\n`, `KUBELET_EXTRA_ARGS='--v=2 ${both}'\n`],
  ];
  for (const [before, after] of cases) {
    assert.equal(withFlags(before, 'f', flags), after);
    assert.equal(withFlags(after, 'f', flags), after);
    assert.ok(!withoutFlags(after, 'f', flags).includes('image-credential'));
  }
});

test('an absolute link on the node leads to its own files, not to those of the container', async (t) => {
  const scene = createScene('kubeadm', t);
  mkdirSync(join(scene.root, 'data'));
  symlinkSync('/data', join(scene.root, 'etc/kubernetes'));
  scene.parts.kubelet.restart = async () => true;
  await scene.install();
  assert.ok(existsSync(join(scene.root, 'data/credential-provider/config.yaml')));
});

describe('dockpass kubernetes install-node, with a process for a kubelet', () => {
  const words = [
    '--registry',
    'registry.example.com',
    '--audience',
    'https://auth.example.com',
    '--kubelet-version',
    'Kubernetes v1.34.2',
  ];
  const env = { PATH: process.env['PATH'] ?? '' };
  const run = (node: { words: readonly string[] }, ...all: readonly string[]): Promise<Finished> =>
    runProgram(process.execPath, [main, 'kubernetes', ...all, ...node.words], { env });

  test('is killed after the restart, run again, and taken off', async (t) => {
    const stack = new AsyncDisposableStack();
    t.after(() => stack.disposeAsync());
    const node = await startNode('kubeadm', stack);
    const restarted = node.nextStart();
    const all = [main, 'kubernetes', 'install-node', ...words, ...node.words, '--stay'];
    const killed = await startProgram(process.execPath, all, { ready: /^/, env });
    await restarted;
    killed.signal('SIGKILL');
    await killed.ended;
    assert.equal(problemAtStart(node.root, 'kubeadm'), null);
    let again = await run(node, 'install-node', ...words);
    // The kubelet can have been on its way when it was looked at.
    if (again.code !== 0) again = await run(node, 'install-node', ...words);
    assert.equal(again.code, 0, again.output);
    assert.ok(flagsOf(node.root, 'kubeadm').some((flag) => flag.includes('provider-config=')));
    const removed = await run(node, 'remove-node');
    assert.match(removed.output, /Removed; the kubelet is healthy/);
    assert.deepEqual(flagsOf(node.root, 'kubeadm'), []);
  });

  test('k3s is found by its title, and restarted once', async (t) => {
    const stack = new AsyncDisposableStack();
    t.after(() => stack.disposeAsync());
    const node = await startNode('k3s', stack);
    const { output } = await run(node, 'install-node', ...words);
    assert.match(output, /Installed; the kubelet is healthy/);
    assert.equal(node.starts(), 2);
  });

  test('one that ends again and again has a minute, and then gets back what it had', async (t) => {
    const stack = new AsyncDisposableStack();
    t.after(() => stack.disposeAsync());
    const node = await startNode('kubeadm', stack);
    node.refuse(name);
    let time = 0;
    const clock = {
      now: () => time,
      async sleep(milliseconds: number) {
        time += milliseconds;
        await sleep(milliseconds / 10);
      },
    };
    const kubelet = openKubelet({ proc: node.proc, healthUrl: node.healthUrl, clock });
    const parts = { host: openHost(node.root), kubelet, profile: 'kubeadm' } as const;
    const settings = {
      registry: 'registry.example.com',
      audience: 'https://a.example.com',
      username: 'oidc',
      ...parts,
    };
    await assert.rejects(installOnNode(parts, { settings, plugin }), Restored);
    assert.ok(time >= 60_000 && time < 120_000, String(time));
    assert.ok(node.starts() > 3, 'its supervisor tried');
    assert.deepEqual(flagsOf(node.root, 'kubeadm'), []);
    assert.ok(await kubelet.isHealthy());
    assert.ok(!existsSync(join(node.root, pluginOf('kubeadm'))));
  });

  test('an older kubelet is refused, and so is another way of making nodes', async (t) => {
    const stack = new AsyncDisposableStack();
    t.after(() => stack.disposeAsync());
    const node = await startNode('kubeadm', stack);
    const older = await run(node, 'install-node', ...words.with(-1, 'Kubernetes v1.33.0'));
    assert.equal(older.code, 1);
    assert.match(older.output, /refresh-secrets until then/);
    assert.equal(node.starts(), 1);
    const eks = await run({ words: [] }, 'install-node', ...words, '--profile', 'eks');
    assert.match(eks.output, /kubeadm or k3s.*kubernetes config/);
  });
});
