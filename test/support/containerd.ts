/** Owns a containerd of its own for a test, and `ctr`, its plain client. Needs root. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeImage } from './image.ts';
import { type Finished, runProgram, startProgram } from './process.ts';
import type { RegistryClient } from './registry-client.ts';

export type Containerd = RegistryClient & {
  /** From here on it has an identity token, as Docker's engine gives it to containerd. */
  loginWithToken(token: string): Promise<void>;
};

/** @param folder an empty one, on a short path: a socket's path has 107 characters at most */
export async function startContainerd(folder: string): Promise<Containerd> {
  await mkdir(folder, { recursive: true });
  const socket = join(folder, 'containerd.sock');
  const file = join(folder, 'containerd.toml');
  await writeFile(file, configuration(folder, socket));
  const daemon = await startProgram('containerd', ['--config', file], { ready: /containerd successfully booted/ });
  const ctr = (args: readonly string[]): Promise<Finished> => runProgram('ctr', ['--address', socket, ...args]);

  let credentials: readonly string[] = [];
  const remote = (): string[] => ['--plain-http', ...credentials];
  const nothing: Finished = { code: 0, stdout: '', output: '' };
  return {
    version: async () => `ctr${/ \d[\d.]*/.exec((await ctr(['--version'])).stdout)?.[0]}`,
    checksLogins: false,
    async login(_registry, user, secret) {
      credentials = ['--user', `${user}:${secret}`];
      return nothing;
    },
    async loginWithToken(token) {
      credentials = ['--refresh', token];
    },
    async logout() {
      credentials = [];
      return nothing;
    },
    async make() {
      const layout = await writeImage(folder);
      const name = `example.com/made/${layout.slice(-12)}:1`;
      await writeFile(`${layout}/index.json`, await named(layout, name));
      await runProgram('tar', ['-cf', `${layout}.tar`, '-C', layout, '.']);
      const { code, output } = await ctr(['images', 'import', '--no-unpack', `${layout}.tar`]);
      if (code !== 0) throw new Error(output);
      return name;
    },
    push: (image, reference) => ctr(['images', 'push', ...remote(), reference, image]),
    async pull(reference) {
      await ctr(['images', 'rm', reference]);
      return ctr(['images', 'pull', ...remote(), '--snapshotter', 'native', reference]);
    },
    stop: () => daemon.stop(),
  };
}

/** Nothing outside the folder, and no part that a test has no use for. */
function configuration(folder: string, socket: string): string {
  const unused = [
    'grpc.v1.cri',
    'cri.v1.images',
    'cri.v1.runtime',
    'snapshotter.v1.btrfs',
    'snapshotter.v1.zfs',
    'snapshotter.v1.aufs',
    'internal.v1.opt',
  ];
  return `version = 2
root = "${join(folder, 'root')}"
state = "${join(folder, 'state')}"
disabled_plugins = [${unused.map((name) => `"io.containerd.${name}"`).join(', ')}]
[grpc]
address = "${socket}"
[ttrpc]
address = "${socket}.ttrpc"
# By which containerd 2 pulls; a 1.6 has no such part, and ctr does its work.
[[plugins."io.containerd.transfer.v1.local".unpack_config]]
platform = "linux/${process.arch === 'x64' ? 'amd64' : process.arch}"
snapshotter = "native"
`;
}

/** The index with the name by which containerd imports the image. */
async function named(layout: string, name: string): Promise<string> {
  const index = JSON.parse(await readFile(`${layout}/index.json`, 'utf8')) as { manifests: object[] };
  const manifests = index.manifests.map((manifest) => ({
    ...manifest,
    annotations: { 'io.containerd.image.name': name },
  }));
  return JSON.stringify({ ...index, manifests });
}
