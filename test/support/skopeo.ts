/** Owns skopeo with a login file of its own: it moves images between a folder and a registry, without an engine. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { writeImage } from './image.ts';
import { type Finished, runProgram } from './process.ts';
import type { RegistryClient } from './registry-client.ts';

export type Skopeo = Required<Omit<RegistryClient, 'catalog' | 'build' | 'mountsLayers'>>;

/** @param folder holds the login file and the images */
export function createSkopeo(folder: string): Skopeo {
  const authFile = ['--authfile', join(folder, 'skopeo-login.json')];
  // Debian keeps the signature policy in a package that a machine without podman may lack.
  const skopeo = (args: readonly string[], input = ''): Promise<Finished> =>
    runProgram('skopeo', ['--insecure-policy', ...args], { input });
  return {
    version: async () => `skopeo ${/\d[\d.]*/.exec((await skopeo(['--version'])).stdout)?.[0]}`,
    checksLogins: true,
    login: (registry, user, secret) =>
      skopeo(['login', ...authFile, '--tls-verify=false', '--username', user, '--password-stdin', registry], secret),
    logout: (registry) => skopeo(['logout', ...authFile, registry]),
    make: async () => `oci:${await writeImage(folder)}`,
    push: (image, reference) => {
      const source = image.startsWith('oci:') ? image : `docker://${image}`;
      const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false'];
      return skopeo(['copy', ...authFile, ...insecure, source, `docker://${reference}`]);
    },
    pull: (reference) => {
      const target = `dir:${join(folder, `pulled-${randomUUID()}`)}`;
      return skopeo(['copy', ...authFile, '--src-tls-verify=false', `docker://${reference}`, target]);
    },
    remove: (reference) => skopeo(['delete', ...authFile, '--tls-verify=false', `docker://${reference}`]),
    stop: async () => {},
  };
}
