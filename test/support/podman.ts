/** Owns podman with an image store and a login file of its own. */
import { join } from 'node:path';
import { writeLayer } from './image.ts';
import { type Finished, runProgram } from './process.ts';

export type Podman = {
  login(registry: string, user: string, secret: string): Promise<Finished>;
  /** Makes an image and pushes it. @param reference `localhost:5000/platform/web:1` */
  push(reference: string): Promise<Finished>;
  /** Removes the image here, then pulls it. */
  pull(reference: string): Promise<Finished>;
};

/** @param folder an empty one */
export function createPodman(folder: string): Podman {
  const store = ['--root', join(folder, 'store'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'];
  const remote = ['--authfile', join(folder, 'podman-login.json'), '--tls-verify=false'];
  const podman = (args: readonly string[], input = ''): Promise<Finished> =>
    runProgram('podman', [...store, ...args], { input });
  return {
    login: (registry, user, secret) =>
      podman(['login', ...remote, '--username', user, '--password-stdin', registry], secret),
    async push(reference) {
      const imported = await podman(['import', await writeLayer(folder), reference]);
      return imported.code === 0 ? podman(['push', ...remote, reference]) : imported;
    },
    async pull(reference) {
      await podman(['rmi', '--ignore', reference]);
      return podman(['pull', ...remote, reference]);
    },
  };
}
