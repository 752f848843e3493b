/** Owns a Docker Engine of its own for a test: daemon, image store, socket and login file in one folder. Needs root. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeLayer } from './image.ts';
import { findProgram } from './parts.ts';
import { type Finished, runProgram, startProgram } from './process.ts';

export type DockerEngine = {
  /** `docker ARGS` against this engine. */
  docker(args: readonly string[], input?: string): Promise<Finished>;
  /** Logs in as the page tells people to: the secret on standard input. */
  login(registry: string, user: string, secret: string): Promise<Finished>;
  /** Makes an image of one file, whose layer no other image has. */
  makeImage(name: string): Promise<void>;
  stop(): Promise<void>;
};

/** @param folder an empty one, on a short path: a socket's path has 107 characters at most */
export async function startDockerEngine(folder: string): Promise<DockerEngine> {
  const socket = `unix://${join(folder, 'engine.sock')}`;
  await mkdir(join(folder, 'client'), { recursive: true });
  const env = { ...process.env, DOCKER_HOST: socket, DOCKER_CONFIG: join(folder, 'client'), DOCKER_BUILDKIT: '0' };
  const daemon = await startProgram(
    findProgram('dockerd') ?? 'dockerd',
    [
      '--storage-driver=vfs', // overlayfs cannot stand on every file system that tests run on
      '--iptables=false',
      '--ip6tables=false',
      '--bridge=none',
      `--data-root=${join(folder, 'data')}`,
      `--exec-root=${join(folder, 'exec')}`,
      `--pidfile=${join(folder, 'pid')}`,
      `--host=${socket}`,
    ],
    { ready: /API listen on/ },
  );
  const docker = (args: readonly string[], input?: string): Promise<Finished> =>
    runProgram('docker', args, { env, ...(input === undefined ? {} : { input }) });
  return {
    docker,
    login: (registry, user, secret) => docker(['login', '--username', user, '--password-stdin', registry], secret),
    async makeImage(name) {
      const imported = await docker(['import', await writeLayer(folder), name]);
      if (imported.code !== 0) throw new Error(`docker import: ${imported.output}`);
    },
    stop: () => daemon.stop(),
  };
}
