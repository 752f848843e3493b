/** Owns a real registry (Debian's docker-registry, distribution 2.8; a 3.x of that name will do, too) that trusts Dockpass's tokens, in a folder of its own. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type Running, runProgram, startProgram } from './process.ts';

export type RegistrySettings = {
  /** Holds the images and the configuration. */
  readonly folder: string;
  readonly port: number;
  /** Where it sends clients for a token: `http://localhost:5001/auth`. */
  readonly realm: string;
  /** The token's `aud`. */
  readonly service: string;
  /** The token's `iss`. */
  readonly issuer: string;
  /** PEM certificates that it trusts; read once, at start. */
  readonly certificateBundleFile: string;
  /** PEM files; without them it speaks plain http. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Each request on its output. */
  readonly accessLog?: boolean;
  /** In place of the token settings: `{}` for a registry that asks nobody for anything. */
  readonly auth?: object;
  /** Where it reports, as `notificationsOf` makes it. */
  readonly notifications?: object;
  /** Settings that count above those of the file. */
  readonly environment?: Readonly<Record<string, string>>;
};

/** 2.8 can't delete a tag by itself, 3.x can. */
export async function canDeleteTags(): Promise<boolean> {
  const { output } = await runProgram('docker-registry', ['--version']);
  return /\bv?3\.\d+\.\d/.test(output.split(' ').at(-1) ?? '');
}

/** Starts it on 127.0.0.1 and waits until it answers. */
export async function startRegistry(settings: RegistrySettings): Promise<Running> {
  const { folder, port, realm, service, issuer, certificateBundleFile } = settings;
  await mkdir(folder, { recursive: true });
  const configuration = {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: settings.accessLog !== true } },
    storage: { filesystem: { rootdirectory: join(folder, 'images') }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}`, ...(settings.tls && { tls: settings.tls }) },
    ...(settings.notifications && { notifications: settings.notifications }),
    auth: settings.auth ?? { token: { realm, service, issuer, rootcertbundle: certificateBundleFile } },
  };
  const file = join(folder, 'registry.yml');
  await writeFile(file, stringify(configuration));
  return startProgram('docker-registry', ['serve', file], {
    ready: /listening on/,
    env: { PATH: process.env['PATH'], ...settings.environment },
  });
}
