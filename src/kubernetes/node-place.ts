/** Owns where a node's kubelet looks for plugins, read from its units and settings, and what speaks against touching it. */
import { posix } from 'node:path';
import { Refusal } from '../lib/errors.ts';
import type { Host } from './host.ts';
import type { Kubelet } from './kubelet.ts';
import { type NodeProfile, placeOf } from './node-config.ts';
import { type Flags, flagsIn } from './node-files.ts';

export type NodeParts = { readonly host: Host; readonly kubelet: Kubelet; readonly profile: NodeProfile };

export type NodePlace = Flags & {
  /** The file that has our entry: `config`, or one of our own where that is a folder. */
  readonly file: string;
  /** The file that has the flags; `null` where the kubelet has them from elsewhere or needs none. */
  readonly environmentFile: string | null;
};

const unitFolders = ['/etc', '/run', '/usr/local/lib', '/usr/lib', '/lib'].map((folder) => `${folder}/systemd/system`);
/** What kubeadm's unit reads KUBELET_EXTRA_ARGS from, on Debian and on Red Hat. */
const environmentFiles = ['/etc/default/kubelet', '/etc/sysconfig/kubelet'];

/** @throws {Refusal} where it can't be found out */
export async function findPlace({ host, kubelet, profile }: NodeParts): Promise<NodePlace> {
  const unit = await readUnit(host, unitOf(profile, await kubelet.commandLine()));
  const environmentFile = await findEnvironmentFile(host, unit);
  const environment = environmentFile === null ? '' : ((await host.read(environmentFile)) ?? '');
  const own = profile === 'k3s' ? await readK3sSettings(host) : '';
  // Of the running one first: the files can be newer.
  const said = flagsIn([await kubelet.commandLine(), environment, unit, own].join('\n'));
  const { config, bin } = { ...placeOf(profile), ...said };
  const file = (await host.isFolder(config)) ? posix.join(config, 'dockpass.yaml') : config;
  const needsFlags = profile === 'kubeadm' && (said.config === undefined || flagsIn(environment).config !== undefined);
  if (needsFlags && environmentFile === null) {
    throw new Refusal(
      'misconfigured',
      `The kubelet's unit reads no file with KUBELET_EXTRA_ARGS. Give it --image-credential-provider-config=${config} and --image-credential-provider-bin-dir=${bin} where its other flags are. Nothing was changed.`,
    );
  }
  return { config, bin, file, environmentFile: needsFlags ? environmentFile : null };
}

/**
 * Everything that would leave a node without a kubelet, before anything is changed.
 * @throws {Refusal}
 */
export async function checkNode({ host, kubelet, profile }: NodeParts): Promise<void> {
  const commandLine = await kubelet.commandLine();
  const unit = await readUnit(host, unitOf(profile, commandLine));
  const restart = [...unit.matchAll(/^\s*Restart\s*=\s*(\S+)/gm)].at(-1)?.[1];
  if (restart !== 'always' && !unit.includes('supervise-daemon')) {
    throw new Refusal(
      'misconfigured',
      `Nothing starts the kubelet again when it ends: its unit has Restart=${restart ?? 'no'}. Set Restart=always. Nothing was changed.`,
    );
  }
  const settings = [
    commandLine,
    unit,
    (await host.read('/var/lib/kubelet/config.yaml')) ?? '',
    await readK3sSettings(host),
  ];
  if (settings.some((text) => /KubeletServiceAccountTokenForCredentialProviders["']?\s*[:=]\s*["']?false/.test(text))) {
    throw new Refusal(
      'misconfigured',
      'The feature gate KubeletServiceAccountTokenForCredentialProviders is off: the kubelet would not start. Nothing was changed.',
    );
  }
  if (!(await kubelet.isHealthy())) {
    throw new Refusal(
      'unavailable',
      'The kubelet is not healthy (or --health-url is not its address), so no one could tell what a change does. Nothing was changed.',
    );
  }
}

/** @throws {Refusal} where a kubelet of this version would not start with our configuration, or ignore it */
export function checkVersion(text: string): void {
  const [, major = 0, minor = 0] = (/^v?(\d+)\.(\d+)/.exec(text) ?? []).map(Number);
  if (major > 1 || (major === 1 && minor >= 34)) return;
  throw new Refusal(
    'misconfigured',
    `The kubelet is ${text}: plugins get service account tokens from 1.34 on. Use dockpass kubernetes refresh-secrets until then. Nothing was changed.`,
  );
}

function unitOf(profile: NodeProfile, commandLine: string): string {
  if (profile === 'kubeadm') return 'kubelet';
  return /k3s[- ]agent/.test(commandLine) ? 'k3s-agent' : 'k3s';
}

/** The unit with its drop-ins, or the script of OpenRC. */
async function readUnit(host: Host, name: string): Promise<string> {
  const texts: string[] = [];
  for (const folder of unitFolders) {
    if (texts.length === 0) texts.push((await host.read(`${folder}/${name}.service`)) ?? '');
    if (texts[0] === '') texts.pop();
  }
  // /lib is often a link to /usr/lib: what is read twice says the same twice.
  for (const folder of unitFolders.toReversed()) {
    const dropIns = `${folder}/${name}.service.d`;
    const names = (await host.list(dropIns)).filter((file) => file.endsWith('.conf')).toSorted();
    for (const file of names) texts.push((await host.read(`${dropIns}/${file}`)) ?? '');
  }
  return texts.length === 0 ? ((await host.read(`/etc/init.d/${name}`)) ?? '') : texts.join('\n');
}

async function findEnvironmentFile(host: Host, unit: string): Promise<string | null> {
  if (!/\$\{?KUBELET_EXTRA_ARGS/.test(unit)) return null;
  const read = [...unit.matchAll(/^\s*EnvironmentFile\s*=\s*-?(\S+)/gm)].map(([, path = '']) => path);
  const known = environmentFiles.filter((path) => read.includes(path));
  for (const path of known) if ((await host.read(path)) !== null) return path;
  return known[0] ?? null;
}

async function readK3sSettings(host: Host): Promise<string> {
  const folder = '/etc/rancher/k3s/config.yaml.d';
  const files = ['/etc/rancher/k3s/config.yaml', ...(await host.list(folder)).map((name) => `${folder}/${name}`)];
  return (await Promise.all(files.map((file) => host.read(file)))).join('\n');
}
