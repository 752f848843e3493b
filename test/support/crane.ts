/** Owns crane with a login file of its own: it moves images between files and a registry, and from one to another. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { writeImage } from './image.ts';
import { type Finished, runProgram } from './process.ts';
import type { RegistryClient } from './registry-client.ts';

/** @param folder holds the login file and the images */
export function createCrane(folder: string): RegistryClient {
  const env = { ...process.env, DOCKER_CONFIG: join(folder, 'crane') };
  const crane = (args: readonly string[], input = ''): Promise<Finished> => runProgram('crane', args, { env, input });
  return {
    version: async () => `crane${/ \d[\w.]*/.exec((await crane(['version'])).stdout)?.[0] ?? ''}`,
    checksLogins: false,
    login: (registry, user, secret) => crane(['auth', 'login', registry, '-u', user, '--password-stdin'], secret),
    logout: (registry) => crane(['auth', 'logout', registry]),
    make: () => writeImage(folder),
    push: (image, reference) => crane([image.startsWith(folder) ? 'push' : 'copy', image, reference]),
    pull: (reference) => crane(['pull', reference, join(folder, `pulled-${randomUUID()}.tar`)]),
    async remove(reference) {
      const { code, stdout, ...rest } = await crane(['digest', reference]);
      if (code !== 0) return { code, stdout, ...rest };
      return crane(['delete', `${reference.replace(/:[^:/]+$/, '')}@${stdout.trim()}`]);
    },
    catalog: (registry) => crane(['catalog', registry]),
    stop: async () => {},
  };
}
