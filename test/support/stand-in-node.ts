/**
 * Owns a stand-in for a node: a folder with the files of a real one, a process called kubelet or k3s that checks its
 * configuration as a kubelet does, a supervisor that starts it again, and its health. Nothing newer than 1.20 can be built here.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';

export type NodeKind = 'kubeadm' | 'k3s';

export const nodeFiles = join(import.meta.dirname, '../fixtures/nodes');

/** A copy of the files of a node. */
export function createNodeRoot(kind: NodeKind): { readonly root: string; remove(): void } {
  const root = mkdtempSync(join(tmpdir(), `dockpass-${kind}-`));
  cpSync(join(nodeFiles, kind), root, { recursive: true });
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) };
}

const textOf = (path: string): string =>
  existsSync(path) && statSync(path).isFile() ? readFileSync(path, 'utf8') : '';

/** The words that the supervisor gives to the kubelet now: systemd reads its environment files at each start. */
export function flagsOf(root: string, kind: NodeKind): readonly string[] {
  if (kind === 'k3s') {
    const folder = '/var/lib/rancher/credentialprovider';
    // k3s passes them on where both exist (pkg/daemons/agent/agent.go, ImageCredProvAvailable).
    if (![`${folder}/bin`, `${folder}/config.yaml`].every((path) => existsSync(join(root, path)))) return [];
    return [
      `--image-credential-provider-config=${folder}/config.yaml`,
      `--image-credential-provider-bin-dir=${folder}/bin`,
    ];
  }
  const lines = [...textOf(join(root, 'etc/default/kubelet')).matchAll(/^KUBELET_EXTRA_ARGS=(.*)$/gm)];
  const value = (lines.at(-1)?.[1] ?? '').replace(/^"(.*)"$/, '$1');
  return value.split(' ').filter((word) => word !== '');
}

const providerFields = /^(?:name|matchImages|defaultCacheDuration|apiVersion|args|env|tokenAttributes)$/;
const tokenFields =
  /^(?:serviceAccountTokenAudience|cacheType|requireServiceAccount|requiredServiceAccountAnnotationKeys|optionalServiceAccountAnnotationKeys)$/;

/** Why a kubelet 1.34 would not start with what the files say (pkg/credentialprovider/plugin/config.go and plugin.go); `null`: it would. */
export function problemAtStart(root: string, kind: NodeKind): string | null {
  const [config = '', bin = ''] = ['config', 'bin-dir'].map((name) => {
    const flag = `--image-credential-provider-${name}=`;
    return flagsOf(root, kind)
      .find((word) => word.startsWith(flag))
      ?.slice(flag.length);
  });
  if (config === '' && bin === '') return null;
  if (config === '' || bin === '') return 'one flag without the other';
  const path = join(root, config);
  if (!existsSync(path)) return `unable to access path "${config}"`;
  const {
    apiVersion,
    kind: what,
    providers,
    ...rest
  } = (parse(readFileSync(path, 'utf8')) ?? {}) as Record<string, unknown>;
  if (apiVersion !== 'kubelet.config.k8s.io/v1' || what !== 'CredentialProviderConfig') return 'error decoding config';
  if (Object.keys(rest).length > 0 || !Array.isArray(providers)) return 'unknown field';
  if (providers.length === 0) return 'at least 1 item in plugins is required';
  const names = providers.map(({ name }) => String(name));
  if (new Set(names).size < names.length) return 'duplicate provider name';
  for (const provider of providers) {
    const unknown = Object.keys(provider).filter((field) => !providerFields.test(field));
    const tokens = Object.keys(provider.tokenAttributes ?? {}).filter((field) => !tokenFields.test(field));
    if (unknown.length + tokens.length > 0) return `unknown field ${[...unknown, ...tokens]}`;
    if (!provider.defaultCacheDuration || !provider.matchImages?.length) return 'a required value is missing';
    const plugin = join(root, bin, String(provider.name));
    if (!existsSync(plugin) || (statSync(plugin).mode & 0o111) === 0)
      return `plugin binary executable ${plugin} did not exist`;
  }
  return null;
}

export type StandInNode = {
  readonly root: string;
  /** Its processes, and nobody else's. */
  readonly proc: string;
  readonly healthUrl: string;
  /** What the installer is given. */
  readonly words: readonly string[];
  /** How often a kubelet was started, whether it stayed or not. */
  starts(): number;
  /** Settles with the next start. */
  nextStart(): Promise<void>;
  /** From here on, a kubelet that has this text in its configuration ends as soon as it's started. */
  refuse(text: string): void;
};

/** A node whose kubelet is a real process, which can be ended and comes back. */
export async function startNode(kind: NodeKind, stack: AsyncDisposableStack): Promise<StandInNode> {
  const { root, remove } = createNodeRoot(kind);
  stack.defer(remove);
  const proc = join(root, 'proc');
  mkdirSync(proc);
  let child: ChildProcess | null = null;
  let [starts, stopped, refused] = [0, false, '\0'];
  let started = Promise.withResolvers<void>();
  const start = (): void => {
    if (stopped) return;
    const flags = flagsOf(root, kind);
    const config = flags.map((flag) => textOf(join(root, flag.replace(/^[^=]*=/, '')))).join('');
    const stays = problemAtStart(root, kind) === null && !config.includes(refused);
    // It stays as long as its standard input is open; the words behind are its command line. k3s sets its title.
    const own = spawn('sh', ['-c', stays ? 'read x' : 'exit 1', ...flags], {
      argv0: kind === 'k3s' ? '/usr/local/bin/k3s server' : '/usr/bin/kubelet',
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child = stays ? own : null;
    symlinkSync(`/proc/${own.pid}`, join(proc, String(own.pid)));
    own.once('exit', () => {
      rmSync(join(proc, String(own.pid)), { force: true });
      if (child === own) child = null;
      setTimeout(start, stays ? 0 : 50);
    });
    starts++;
    started.resolve();
    started = Promise.withResolvers<void>();
  };
  start();
  const health = createServer((_request, response) => void response.writeHead(child === null ? 500 : 200).end('ok'));
  health.listen(0, '127.0.0.1');
  await once(health, 'listening');
  stack.defer(() => {
    stopped = true;
    child?.kill('SIGKILL');
    health.close();
  });
  const healthUrl = `http://127.0.0.1:${(health.address() as AddressInfo).port}/healthz`;
  return {
    ...{ root, proc, healthUrl },
    words: ['--root', root, '--proc', proc, '--health-url', healthUrl, '--profile', kind],
    starts: () => starts,
    nextStart: () => started.promise,
    refuse(text) {
      refused = text;
    },
  };
}
