/** Owns helm with a login file of its own: it keeps charts in a registry. */
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Finished, runProgram } from './process.ts';
import type { RegistryClient } from './registry-client.ts';

/** @param folder holds the login file and the charts */
export function createHelm(folder: string): RegistryClient {
  const env = { ...process.env, HELM_REGISTRY_CONFIG: join(folder, 'helm-login.json'), HOME: folder };
  const helm = (args: readonly string[], input = ''): Promise<Finished> =>
    runProgram('helm', args, { cwd: folder, env, input });
  const plain = '--plain-http';
  /** A chart's name and version are the end of where it is pushed: `team/app:1` is version 1.0.0 of app, in team. */
  const packed = async (reference: string): Promise<{ readonly file: string; readonly target: string }> => {
    const [, target = '', name = '', version = ''] = /^(.*)\/([^/:]+):(\d+)$/.exec(reference) ?? [];
    const chart = join(folder, `chart-${randomUUID()}`);
    await mkdir(join(chart, 'templates'), { recursive: true });
    const lines = ['apiVersion: v2', `name: ${name}`, `version: ${version}.0.0`, `description: ${randomUUID()}`];
    await writeFile(join(chart, 'Chart.yaml'), `${lines.join('\n')}\n`);
    const made = await helm(['package', chart, '--destination', chart]);
    if (made.code !== 0) throw new Error(made.output);
    return { file: join(chart, `${name}-${version}.0.0.tgz`), target: `oci://${target}` };
  };
  return {
    version: async () => `helm ${/\d[\d.]*/.exec((await helm(['version', '--short'])).stdout)?.[0]}`,
    checksLogins: true,
    mountsLayers: false,
    login: (registry, user, secret) =>
      helm(['registry', 'login', registry, plain, '--username', user, '--password-stdin'], secret),
    logout: (registry) => helm(['registry', 'logout', registry]),
    // Packed where its name is known.
    make: async () => 'chart',
    async push(_image, reference) {
      const { file, target } = await packed(reference);
      return helm(['push', plain, file, target]);
    },
    async pull(reference) {
      const [, repository = '', version = ''] = /^(.*):(\d+)$/.exec(reference) ?? [];
      const destination = join(folder, `pulled-${randomUUID()}`);
      await mkdir(destination);
      return helm(['pull', plain, `oci://${repository}`, '--version', `${version}.0.0`, '--destination', destination]);
    },
    stop: async () => {},
  };
}
