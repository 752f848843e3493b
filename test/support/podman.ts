/** Owns podman and buildah, each with an image store and a login file of its own. Need root. */
import { join } from 'node:path';
import { writeImage } from './image.ts';
import { type Finished, runProgram } from './process.ts';
import type { RegistryClient } from './registry-client.ts';

/** @param folder an empty one */
export async function startPodman(folder: string): Promise<RegistryClient> {
  const podman = start('podman', folder);
  const remote = podman.remote;
  return {
    ...podman.client,
    push: (image, reference) => podman.run(['push', ...remote, image, `docker://${reference}`]),
    catalog: (registry) => podman.run(['search', ...remote, `${registry}/`]),
  };
}

/** @param folder an empty one */
export async function startBuildah(folder: string): Promise<RegistryClient> {
  const buildah = start('buildah', folder);
  const push: RegistryClient['push'] = (image, reference) =>
    buildah.run(['push', ...buildah.remote, image, `docker://${reference}`]);
  return { ...buildah.client, push };
}

/** The two speak alike: they are made of the same libraries. */
function start(program: 'podman' | 'buildah', folder: string) {
  const store = ['--root', join(folder, 'store'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'];
  const remote = ['--authfile', join(folder, `${program}-login.json`), '--tls-verify=false'];
  const run = (args: readonly string[], input = ''): Promise<Finished> =>
    runProgram(program, [...store, ...args], { input });
  const client = {
    version: async () => `${program} ${/\d[\d.]*/.exec((await run(['--version'])).stdout)?.[0]}`,
    checksLogins: true,
    login: (registry: string, user: string, secret: string) =>
      run(['login', ...remote, '--username', user, '--password-stdin', registry], secret),
    logout: (registry: string) => run(['logout', ...remote.slice(0, 2), registry]),
    async make() {
      const { code, stdout, output } = await run(['pull', '--quiet', `oci:${await writeImage(folder)}`]);
      if (code !== 0) throw new Error(output);
      return stdout.trim();
    },
    async pull(reference: string) {
      await run(['rmi', '--force', reference]);
      return run(['pull', ...remote, reference]);
    },
    stop: async () => {},
  };
  return { run, remote, client };
}
