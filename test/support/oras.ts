/** Owns oras with a login file of its own: it keeps any file in a registry, where others keep images. */
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Finished, runProgram } from './process.ts';
import type { RegistryClient } from './registry-client.ts';

/** oras 1.2 panics where two uploads fail at the same time. */
const oneByOne = ['--concurrency', '1'];

/** @param folder holds the login file and the files that are pushed and pulled */
export function createOras(folder: string): RegistryClient {
  const authFile = ['--registry-config', join(folder, 'oras-login.json')];
  const remote = [...authFile, '--plain-http'];
  const oras = (args: readonly string[], input = ''): Promise<Finished> =>
    runProgram('oras', args, { cwd: folder, input });
  return {
    version: async () => `oras ${/\d[\d.]*/.exec((await oras(['version'])).stdout)?.[0]}`,
    checksLogins: true,
    login: (registry, user, secret) => oras(['login', ...remote, '-u', user, '--password-stdin', registry], secret),
    logout: (registry) => oras(['logout', ...authFile, registry]),
    async make() {
      const name = `made-${randomUUID()}.txt`;
      await writeFile(join(folder, name), `Hello from Dockpass, ${randomUUID()}\n`);
      return name;
    },
    push: (image, reference) => {
      if (image.startsWith('made-')) return oras(['push', ...remote, ...oneByOne, reference, image]);
      const [from, to] = ['from', 'to'].map((end) => [
        `--${end}-registry-config`,
        authFile[1] ?? '',
        `--${end}-plain-http`,
      ]);
      return oras(['copy', ...oneByOne, ...(from ?? []), ...(to ?? []), image, reference]);
    },
    async pull(reference) {
      const target = join(folder, `pulled-${randomUUID()}`);
      await mkdir(target);
      return oras(['pull', ...remote, '--output', target, reference]);
    },
    remove: (reference) => oras(['manifest', 'delete', ...remote, '--force', reference]),
    catalog: (registry) => oras(['repo', 'ls', ...remote, registry]),
    stop: async () => {},
  };
}
