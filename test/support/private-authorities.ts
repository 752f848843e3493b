/**
 * A program for namespaces of its own (private-ca.test.ts): Dockpass and a registry, each on https with a CA of its own and an
 * address that Docker doesn't take for this machine, and an engine. Prints, a line of JSON each, what works where which CA is trusted.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asRegistryClient, type ImageStore, noContainerdStore, startDockerEngine } from './docker-engine.ts';
import { createInstallation } from './installation.ts';
import { startRegistry } from './registry.ts';
import { makeTlsFiles } from './tls.ts';

/** What an engine could do; `null` where it has no BuildKit. */
export type Outcome = {
  readonly store: ImageStore;
  readonly trust: Trust;
  readonly login: boolean;
  readonly push: boolean;
  readonly build: boolean | null;
};

/** Where the realm's CA is known, beside the registry's in certs.d. */
export type Trust = 'nowhere' | 'certs.d' | 'certs.d, daemon' | 'certs.d, daemon, client';

const [registryAddress, realmAddress] = ['192.0.2.10', '192.0.2.11'];
const registry = `${registryAddress}:5000`;
const user = 'ana@example.com';

await using stack = new AsyncDisposableStack();
const installation = createInstallation();
stack.defer(() => installation.remove());
const { folder, environment } = installation;
const ofRegistry = await makeTlsFiles(folder, { names: `IP:${registryAddress}` });
const ofRealm = await makeTlsFiles(folder, { names: `IP:${realmAddress}` });
Object.assign(environment, {
  ...{ PUBLIC_URL: `https://${realmAddress}:5001`, LISTEN_ADDRESS: realmAddress, PORT: '5001', SERVICES: registry },
  ...{ TLS_CERTIFICATE_FILE: ofRealm.certificate, TLS_KEY_FILE: ofRealm.key },
});
const dockpass = await installation.serve();
stack.defer(() => dockpass.stop());
const running = await startRegistry({
  ...{ folder: join(folder, 'registry'), port: 5000, service: registry, tls: ofRegistry },
  realm: `https://${realmAddress}:5001/auth`,
  issuer: `${realmAddress}:5001`,
  certificateBundleFile: join(folder, 'data', 'registry-bundle.pem'),
  environment: { REGISTRY_HTTP_ADDR: registry },
});
stack.defer(() => running.stop());
await installation.addPerson(user);
const secret = (await installation.run(['password', 'create', user, '--name', 'x'])).stdout.trim();

const stores: readonly ImageStore[] = noContainerdStore() === false ? ['graph driver', 'containerd'] : ['graph driver'];
// The last one first: it pushes what the others build on.
const trusts: readonly Trust[] = ['certs.d, daemon, client', 'certs.d, daemon', 'certs.d', 'nowhere'];
for (const store of stores) for (const trust of trusts) console.log(JSON.stringify(await tryOut(store, trust)));

async function tryOut(store: ImageStore, trust: Trust): Promise<Outcome> {
  const certificates = [ofRegistry, ...(trust === 'nowhere' ? [] : [ofRealm])].map(({ certificate }) => certificate);
  await trustInDocker(certificates);
  // Go's programs take this file for the CAs of the system.
  const known = { SSL_CERT_FILE: ofRealm.certificate };
  const unknown = { SSL_CERT_FILE: ofRegistry.certificate };
  const engineFolder = join('/tmp', `dockpass-ca-${process.pid}`);
  const engine = await startDockerEngine(engineFolder, store, {
    daemon: trust.includes('daemon') ? known : unknown,
    client: trust.includes('client') ? known : unknown,
  });
  const client = asRegistryClient(engine);
  try {
    const login = (await client.login(registry, user, secret)).code === 0;
    const pushed = await client.push(await client.make(), `${registry}/platform/app:1`);
    // Else an engine would build on the image that it has.
    await engine.docker(['image', 'rm', '--force', `${registry}/platform/app:1`]);
    const built = await client.build?.(`${registry}/platform/app:1`, `${registry}/platform/built:1`);
    return { store, trust, login, push: pushed.code === 0, build: built === undefined ? null : built.code === 0 };
  } finally {
    await client.stop();
    await rm(engineFolder, { recursive: true, force: true });
  }
}

/** In each folder that a Docker of this machine reads: those of the test are tmpfs. */
async function trustInDocker(certificates: readonly string[]): Promise<void> {
  const pem = (await Promise.all(certificates.map((file) => readFile(file, 'utf8')))).join('');
  for (const etc of (process.env['DOCKER_FOLDERS'] ?? '').split(' ')) {
    const target = join(etc, 'certs.d', registry);
    await mkdir(target, { recursive: true });
    await writeFile(join(target, 'ca.crt'), pem);
  }
}
