/** Owns `dockpass kubernetes install-node` and `remove-node`: the kubelet's plugin on the node where they run. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { callCluster, reasonOf, send } from '../kubernetes/api.ts';
import { openHost } from '../kubernetes/host.ts';
import { openKubelet } from '../kubernetes/kubelet.ts';
import { inTurn } from '../kubernetes/lease.ts';
import type { NodeProfile, NodeSettings } from '../kubernetes/node-config.ts';
import { type Installed, installOnNode, Restored, removeFromNode } from '../kubernetes/node-install.ts';
import { checkVersion, type NodeParts } from '../kubernetes/node-place.ts';
import { Refusal } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import { day } from '../lib/time.ts';
import { type Cluster, readPod } from '../workload/cluster.ts';
import { type Command, type Terminal, textOf, UsageError, type Values } from './command.ts';
import { registryOf, usernameOf } from './kubernetes.ts';
import { confirm } from './output.ts';

const pluginFile = new URL('../../deploy/kubernetes/dockpass-credential-provider', import.meta.url);

const clock = { now: Date.now, sleep: (milliseconds: number) => sleep(milliseconds) };

const text = { type: 'string' } as const;

const options = {
  profile: { ...text, value: 'NAME', choices: ['kubeadm', 'k3s'], help: 'kubeadm (default) or k3s' },
  root: { ...text, value: 'FOLDER', help: "where the node's root is (default: /)" },
  proc: { ...text, value: 'FOLDER', help: "where the node's processes are (default: /proc)" },
  'health-url': { ...text, value: 'URL', help: 'of the kubelet (default: http://127.0.0.1:10248/healthz)' },
  node: { ...text, value: 'NAME', help: 'in a pod: the name of this node; the API server is asked for its version' },
  lease: { ...text, value: 'NS/NAME', help: 'in a pod: one node at a time, and none after one that failed' },
  stay: { type: 'boolean', help: 'then wait until stopped, as the pod of a DaemonSet does' },
} as const;

const json = { fields: { outcome: 'unchanged, installed or removed' } };

export const kubernetesNodeCommands: readonly Command[] = [
  {
    name: 'kubernetes install-node',
    usage:
      '--registry HOST --audience URL [--profile kubeadm|k3s] [--username NAME] (--node NAME | --kubelet-version V) [...] [--json]',
    summary: "Put the kubelet's plugin onto this node; the Helm chart dockpass-node runs it on each",
    details: [
      'Writes the plugin, then the configuration that names it, and restarts the kubelet. Other providers stay.',
      'If the kubelet is not healthy within a minute, the previous state is restored. Needs root.',
    ],
    options: {
      ...options,
      registry: { ...text, value: 'HOST', help: 'as in the names of images: registry.example.com' },
      audience: { ...text, value: 'URL', help: 'of the tokens: the PUBLIC_URL of Dockpass' },
      username: { ...text, value: 'NAME', help: 'the name of the issuer in the workloads file (default: oidc)' },
      'kubelet-version': { type: 'string', value: 'V', help: 'outside of a pod: "$(kubelet --version)"' },
    },
    json,
    operands: [0, 0],
    async run(_operands, values, terminal) {
      const settings = settingsOf(values);
      const plugin = await readFile(pluginFile, 'utf8');
      const parts = partsOf(values, settings.profile);
      const cluster = await clusterOf(values, terminal);
      checkVersion(await versionOf(values, cluster));
      const what = JSON.stringify([settings, plugin]);
      const stop = listenForStop();
      const done = await turn(values, cluster, what, () => stop.hold(() => installOnNode(parts, { settings, plugin })));
      confirm(
        terminal,
        values,
        { outcome: done },
        done === 'unchanged' ? 'Installed already; nothing to do.' : 'Installed; the kubelet is healthy.',
      );
      if (values['stay'] === true) await stop.wait();
      return 0;
    },
  },
  {
    name: 'kubernetes remove-node',
    usage: '[--profile kubeadm|k3s] [...] [--json]',
    summary: "Take the kubelet's plugin off this node: first out of the configuration, then the file",
    options,
    json,
    operands: [0, 0],
    async run(_operands, values, terminal) {
      const parts = partsOf(values, profileOf(values));
      const cluster = await clusterOf(values, terminal);
      const stop = listenForStop();
      const done = await turn(values, cluster, 'remove', () => stop.hold(() => removeFromNode(parts)));
      confirm(
        terminal,
        values,
        { outcome: done },
        done === 'unchanged' ? 'It is not installed; nothing to do.' : 'Removed; the kubelet is healthy.',
      );
      if (values['stay'] === true) await stop.wait();
      return 0;
    },
  },
];

function settingsOf(values: Values): NodeSettings & { readonly profile: NodeProfile } {
  const audience = textOf(values, 'audience');
  if (audience === null) throw new UsageError('--audience is missing: the PUBLIC_URL of Dockpass.');
  return {
    registry: registryOf(values),
    audience,
    username: usernameOf(values),
    profile: profileOf(values),
  };
}

function profileOf(values: Values): NodeProfile {
  const profile = textOf(values, 'profile') ?? 'kubeadm';
  if (profile === 'kubeadm' || profile === 'k3s') return profile;
  throw new UsageError(
    `--profile is kubeadm or k3s, not "${profile}". For others, "dockpass kubernetes config" prints what to do.`,
  );
}

function partsOf(values: Values, profile: NodeProfile): NodeParts {
  const proc = textOf(values, 'proc') ?? '/proc';
  const healthUrl = textOf(values, 'health-url') ?? 'http://127.0.0.1:10248/healthz';
  return { profile, host: openHost(textOf(values, 'root') ?? '/'), kubelet: openKubelet({ proc, healthUrl, clock }) };
}

async function clusterOf(values: Values, { environment }: Terminal): Promise<Cluster | null> {
  const inPod = values['node'] !== undefined || values['lease'] !== undefined;
  return inPod ? readPod(environment) : null;
}

async function versionOf(values: Values, cluster: Cluster | null): Promise<string> {
  const given = textOf(values, 'kubelet-version')?.replace(/^Kubernetes /, '');
  if (given !== undefined) return given;
  const node = textOf(values, 'node');
  if (node === null || cluster === null) throw new UsageError('--node or --kubelet-version is missing.');
  const found = await callCluster({ cluster, send }, 'GET', `/api/v1/nodes/${encodeURIComponent(node)}`);
  if (found.status !== 200) throw new Refusal('bad_gateway', `The node ${node} can't be read: ${reasonOf(found)}.`);
  return String(fieldsIn(fieldsIn(found.body['status'])['nodeInfo'])['kubeletVersion']);
}

async function turn(
  values: Values,
  cluster: Cluster | null,
  what: string,
  work: () => Promise<Installed>,
): Promise<Installed> {
  const [lease, holder] = [textOf(values, 'lease'), textOf(values, 'node')];
  if (lease === null || cluster === null) return work();
  if (holder === null) throw new UsageError('--lease needs --node.');
  const fingerprint = createHash('sha256').update(what).digest('hex').slice(0, 16);
  const concernsAll = (error: unknown) => error instanceof Restored;
  return inTurn({ cluster, send, clock, lease, holder, fingerprint, concernsAll }, work);
}

type Stop = {
  /** Does something to its end before a stop is obeyed: half of it would leave the way back to the next run. */
  hold<Result>(work: () => Promise<Result>): Promise<Result>;
  wait(): Promise<void>;
};

function listenForStop(): Stop {
  const asked = new AbortController();
  const note = () => asked.abort();
  return {
    async hold(work) {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, note);
      try {
        return await work();
      } finally {
        for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, note);
      }
    },
    async wait() {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, note);
      // No timer waits longer than 24.8 days.
      while (!asked.signal.aborted) await sleep(day, undefined, { signal: asked.signal }).catch(() => {});
    },
  };
}
