/** Owns a Docker Engine of its own for a test: daemon, image store, socket and login file in one folder. Needs root. */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, statfsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeLayer } from './image.ts';
import { findProgram } from './parts.ts';
import { type Finished, runProgram, startProgram } from './process.ts';
import type { RegistryClient } from './registry-client.ts';

export type DockerEngine = {
  /** For DOCKER_HOST. */
  readonly host: string;
  /** `docker ARGS` against this engine. */
  docker(args: readonly string[], input?: string): Promise<Finished>;
  /** Logs in as the page tells people to: the secret on standard input. */
  login(registry: string, user: string, secret: string): Promise<Finished>;
  /** Makes an image of one file, whose layer no other image has. */
  makeImage(name: string): Promise<void>;
  stop(): Promise<void>;
};

/** Where the engine keeps images: its own graph driver, or containerd, which then also speaks to registries. */
export type ImageStore = 'graph driver' | 'containerd';

/** Why there is no containerd image store: an engine from before 24, as Debian 12 has. For that CI does not fail. */
export function noContainerdStore(): string | false {
  const dockerd = findProgram('dockerd');
  const version = dockerd === null ? '' : execFileSync(dockerd, ['--version'], { encoding: 'utf8' });
  const [, major = '0'] = /version (\d+)\./.exec(version) ?? [];
  return Number(major) < 24 && `engine ${major} is older than its containerd image store (script/newer-clients)`;
}

/** Whether `docker build` is done by BuildKit, which speaks to registries by itself: the plug-in that it takes is a package of its own. */
function hasBuildx(): boolean {
  return spawnSync('docker', ['buildx', 'version']).status === 0;
}

type Variables = Readonly<Record<string, string>>;

/**
 * @param folder an empty one, on a short path: a socket's path has 107 characters at most
 * @param environment what daemon and client have beside this process's
 */
export async function startDockerEngine(
  folder: string,
  store: ImageStore = 'graph driver',
  environment: { readonly daemon?: Variables; readonly client?: Variables } = {},
): Promise<DockerEngine> {
  const socket = `unix://${join(folder, 'engine.sock')}`;
  await mkdir(join(folder, 'client'), { recursive: true });
  const client = { DOCKER_HOST: socket, DOCKER_CONFIG: join(folder, 'client') };
  const env = { ...process.env, ...client, ...environment.client };
  const configuration = join(folder, 'daemon.json');
  await writeFile(configuration, JSON.stringify({ features: { 'containerd-snapshotter': store === 'containerd' } }));
  const driver = store === 'containerd' ? 'native' : graphDriver(folder);
  const daemon = await startProgram(
    findProgram('dockerd') ?? 'dockerd',
    [
      `--config-file=${configuration}`,
      `--storage-driver=${driver}`,
      '--iptables=false',
      '--ip6tables=false',
      '--bridge=none',
      `--data-root=${join(folder, 'data')}`,
      `--exec-root=${join(folder, 'exec')}`,
      `--pidfile=${join(folder, 'pid')}`,
      `--host=${socket}`,
    ],
    { ready: /API listen on/, env: { ...process.env, ...environment.daemon } },
  );
  const docker = (args: readonly string[], input?: string): Promise<Finished> =>
    runProgram('docker', args, { env, ...(input === undefined ? {} : { input }) });
  return {
    host: socket,
    docker,
    login: (registry, user, secret) => docker(['login', '--username', user, '--password-stdin', registry], secret),
    async makeImage(name) {
      const imported = await docker(['import', await writeLayer(folder), name]);
      if (imported.code !== 0) throw new Error(`docker import: ${imported.output}`);
    },
    async stop() {
      await daemon.stop();
      // The daemon leaves the network namespaces of containers mounted.
      for (const mount of mountsBelow(folder)) execFileSync('umount', ['--lazy', mount]);
    },
  };
}

/** overlayfs can't lie on itself, as it would in a container: there each layer, and each container, is a copy of everything below it. */
function graphDriver(folder: string): 'overlay2' | 'vfs' {
  const overlayfs = 0x79_4c_76_30; // OVERLAYFS_SUPER_MAGIC in linux/magic.h
  return statfsSync(folder).type === overlayfs ? 'vfs' : 'overlay2';
}

function mountsBelow(folder: string): string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return mounts
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}/`))
    .reverse();
}

/** The engine as one registry client among others. */
export function asRegistryClient(engine: DockerEngine): RegistryClient {
  const { docker, login } = engine;
  let count = 0;
  return {
    version: async () => {
      const format = 'Docker Engine {{.Server.Version}}, docker {{.Client.Version}}';
      return (await docker(['version', '--format', format])).stdout.trim().replaceAll(/\+dfsg\d*/g, '');
    },
    checksLogins: true,
    login,
    logout: (registry) => docker(['logout', registry]),
    async make() {
      const name = `made:${++count}`;
      await engine.makeImage(name);
      return name;
    },
    async push(image, reference) {
      const tagged = await docker(['tag', image, reference]);
      return tagged.code === 0 ? docker(['push', reference]) : tagged;
    },
    async pull(reference) {
      await docker(['image', 'rm', '--force', reference]);
      return docker(['pull', reference]);
    },
    ...(hasBuildx() && {
      build: (base: string, reference: string) =>
        docker(['buildx', 'build', '--push', '--tag', reference, '-'], `FROM ${base}\nLABEL built=${randomUUID()}\n`),
    }),
    stop: () => engine.stop(),
  };
}
