/** Owns what a registry client is tried on: Dockpass, a registry that fits it, one that does not, and people with passwords. */
import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInstallation } from './installation.ts';
import { freePorts } from './ports.ts';
import { type RegistrySettings, startRegistry } from './registry.ts';
import { basic } from './token-service.ts';

const policyText = `
users:
  "": {}
groups:
  platform: [ana@example.com]
acl:
  - match: { group: platform }
    actions: ["*"]
  - match: { domain: example.com, name: "people/\${user}/**" }
    actions: [pull, push]
  - match: { domain: example.com, name: "shared/**" }
    actions: [pull]
  - match: { kind: anonymous, name: "public/**" }
    actions: [pull]
`;

/** May do everything. */
export const ana = 'ana@example.com';
/** May push to people/bo/ and pull from shared/; nothing else. */
export const bo = 'bo@example.com';

export type ClientWorld = {
  /** Empty, on a short path: for the client's own files. */
  readonly folder: string;
  /** Of Dockpass: `http://localhost:PORT` */
  readonly publicUrl: string;
  /** `localhost:PORT` */
  readonly registry: string;
  /** Like it, but for an `issuer` that is not Dockpass's. */
  readonly strangeRegistry: string;
  newPassword(login: string): Promise<{ readonly id: string; readonly secret: string }>;
  revoke(id: string): Promise<void>;
  /** What `docker login` keeps for the registry in the place of the password. */
  identityToken(login: string, secret: string): Promise<string>;
  /** What clients asked of the registry, a line each: "POST /v2/... 201". */
  requests(): string[];
};

/** @param settings of Dockpass, beside those that it needs here */
export async function startClientWorld(
  stack: AsyncDisposableStack,
  settings: Readonly<Record<string, string>> = {},
): Promise<ClientWorld> {
  // Short, for sockets, and in small letters, as podman names an image by its path.
  const folder = `/tmp/dockpass-${randomUUID().slice(0, 8)}`;
  await mkdir(folder);
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const installation = createInstallation();
  stack.defer(() => installation.remove());
  await writeFile(join(installation.folder, 'policy.yml'), policyText);
  const [port = 0, registryPort = 0, strangePort = 0] = await freePorts(3);
  const publicUrl = `http://localhost:${port}`;
  const [registry, strangeRegistry] = [`localhost:${registryPort}`, `localhost:${strangePort}`];
  const services = `${registry},${strangeRegistry}`;
  Object.assign(installation.environment, {
    PORT: String(port),
    PUBLIC_URL: publicUrl,
    SERVICES: services,
    ...settings,
  });
  const server = await installation.serve();
  stack.defer(() => server.stop());
  await installation.addPerson(ana);
  await installation.addPerson(bo);

  const start = async (at: number, changes: Partial<RegistrySettings>) => {
    const running = await startRegistry({
      folder: join(installation.folder, `registry-${at}`),
      port: at,
      realm: `${publicUrl}/auth`,
      service: `localhost:${at}`,
      issuer: new URL(publicUrl).host,
      certificateBundleFile: join(installation.folder, 'data', 'registry-bundle.pem'),
      ...changes,
    });
    stack.defer(() => running.stop());
    return running;
  };
  const running = await start(registryPort, { accessLog: true });
  await start(strangePort, { issuer: 'somebody-else' });

  return {
    folder,
    publicUrl,
    registry,
    strangeRegistry,
    async newPassword(login) {
      const { stdout, output } = await installation.command(['password', 'create', login, '--name', 'test', '--json']);
      if (!stdout.startsWith('{')) throw new Error(output);
      return JSON.parse(stdout) as { id: string; secret: string };
    },
    async revoke(id) {
      const { code, output } = await installation.command(['password', 'revoke', id]);
      if (code !== 0) throw new Error(output);
    },
    async identityToken(login, secret) {
      const headers = { Authorization: basic(login, secret) };
      const answer = await fetch(`${publicUrl}/auth?service=${registry}&offline_token=true`, { headers });
      return ((await answer.json()) as { refresh_token: string }).refresh_token;
    },
    requests: () =>
      [...running.output().matchAll(/"([A-Z]+ \S+) HTTP\/1\.1" (\d+)/g)].map(
        ([, asked, status]) => `${asked} ${status}`,
      ),
  };
}
