/** Owns skopeo with a login file of its own: it moves images between a folder and a registry, without an engine. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { writeImage } from './image.ts';
import { type Finished, runProgram } from './process.ts';

export type Skopeo = {
  login(registry: string, user: string, secret: string): Promise<Finished>;
  logout(registry: string): Promise<Finished>;
  /** Pushes a new image. @param reference `localhost:5000/platform/web:1` */
  push(reference: string): Promise<Finished>;
  pull(reference: string): Promise<Finished>;
};

/** @param folder holds the login file and the images */
export function createSkopeo(folder: string): Skopeo {
  const authFile = ['--authfile', join(folder, 'skopeo-login.json')];
  // Debian keeps the signature policy in a package that a machine without podman may lack.
  const skopeo = (args: readonly string[], input = ''): Promise<Finished> =>
    runProgram('skopeo', ['--insecure-policy', ...args], { input });
  return {
    login: (registry, user, secret) =>
      skopeo(['login', ...authFile, '--tls-verify=false', '--username', user, '--password-stdin', registry], secret),
    logout: (registry) => skopeo(['logout', ...authFile, registry]),
    push: async (reference) =>
      skopeo([
        'copy',
        ...authFile,
        '--dest-tls-verify=false',
        `oci:${await writeImage(folder)}`,
        `docker://${reference}`,
      ]),
    pull: (reference) =>
      skopeo([
        'copy',
        ...authFile,
        '--src-tls-verify=false',
        `docker://${reference}`,
        `dir:${join(folder, `pulled-${randomUUID()}`)}`,
      ]),
  };
}
