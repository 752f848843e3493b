/** The proxies of docs/operating.md, with the very text of it: real nginx and Caddy in front of a real Dockpass and registry. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { blocksOf } from '../support/document.ts';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { startNginx } from '../support/nginx.ts';
import { missing } from '../support/parts.ts';
import { freePorts } from '../support/ports.ts';
import { type Running, startProgram } from '../support/process.ts';
import { startRegistry } from '../support/registry.ts';
import { createSkopeo } from '../support/skopeo.ts';
import { makeTlsFiles, type TlsFiles } from '../support/tls.ts';

/** What the text of the documentation is filled in with. */
type Places = {
  readonly folder: string;
  readonly files: TlsFiles;
  readonly dockpass: number;
  readonly registry: number;
  readonly authFront: number;
  readonly registryFront: number;
};

function startDocumentedNginx(places: Places): Promise<Running> {
  const { folder, files } = places;
  const ports = [places.authFront, places.registryFront];
  const [text = ''] = blocksOf('docs/operating.md', 'nginx');
  const servers = text
    .replaceAll(/listen 443/g, () => `listen 127.0.0.1:${ports.shift()}`)
    .replaceAll(/ssl_certificate \S+;/g, `ssl_certificate ${files.certificate};`)
    .replaceAll(/ssl_certificate_key \S+;/g, `ssl_certificate_key ${files.key};`)
    .replaceAll('127.0.0.1:5001', `127.0.0.1:${places.dockpass}`)
    .replaceAll('127.0.0.1:5000', `127.0.0.1:${places.registry}`);
  return startNginx(folder, servers);
}

function startCaddy(places: Places): Promise<Running> {
  const { folder, files } = places;
  const own = `tls ${files.certificate} ${files.key}`;
  const [text = ''] = blocksOf('docs/operating.md', 'caddy');
  const sites = text
    .replace('auth.example.com {', `https://localhost:${places.authFront} {\n\t${own}`)
    .replace('registry.example.com {', `https://localhost:${places.registryFront} {\n\t${own}`)
    .replaceAll('127.0.0.1:5001', `127.0.0.1:${places.dockpass}`)
    .replaceAll('127.0.0.1:5000', `127.0.0.1:${places.registry}`);
  const file = join(folder, 'Caddyfile');
  writeFileSync(file, `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${sites}`);
  const env = { PATH: process.env['PATH'], HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  const args = ['run', '--config', file, '--adapter', 'caddyfile'];
  return startProgram('caddy', args, { ready: /serving initial configuration/, env });
}

type World = { readonly installation: Installation; readonly server: Server; readonly places: Places };

async function startWorld(t: TestContext, startProxy: (places: Places) => Promise<Running>): Promise<World> {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const installation = createInstallation();
  const { folder, environment } = installation;
  stack.defer(() => installation.remove());
  const files = await makeTlsFiles(folder);
  const [dockpass = 0, registry = 0, authFront = 0, registryFront = 0] = await freePorts(4);
  const publicUrl = `https://localhost:${authFront}`;
  Object.assign(environment, { PORT: String(dockpass), PUBLIC_URL: publicUrl, TRUSTED_PROXIES: '127.0.0.1' });
  Object.assign(environment, { GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'x', GOOGLE_DOMAINS: 'example.com' });
  const server = await installation.serve();
  stack.defer(() => server.stop());
  const running = await startRegistry({
    folder: join(folder, 'registry'),
    port: registry,
    realm: `${publicUrl}/auth`,
    service: 'registry.example.com',
    issuer: new URL(publicUrl).host,
    certificateBundleFile: join(folder, 'data', 'registry-bundle.pem'),
  });
  stack.defer(() => running.stop());
  const places = { folder, files, dockpass, registry, authFront, registryFront };
  const proxy = await startProxy(places);
  stack.defer(() => proxy.stop());
  return { installation, server, places };
}

/** A log-in from another address of this machine than the proxy's. */
async function logIn({ places }: World, password: string, headers: Record<string, string> = {}): Promise<number> {
  const sent = request(`https://localhost:${places.authFront}/auth?service=registry.example.com`, {
    ca: readFileSync(places.files.certificate),
    localAddress: '127.0.0.2',
    family: 4,
    headers: { ...headers, authorization: `Basic ${Buffer.from(`ana:${password}`).toString('base64')}` },
  });
  sent.end();
  const [response] = await once(sent, 'response');
  response.resume();
  await once(response, 'end');
  return response.statusCode;
}

const proxies = { nginx: startDocumentedNginx, caddy: startCaddy };
for (const [name, startProxy] of Object.entries(proxies)) {
  const skip = missing(name, 'docker-registry', 'openssl', 'skopeo');
  test(`${name} as docs/operating.md has it`, { skip }, async (t) => {
    const world = await startWorld(t, startProxy);
    const { installation, server, places } = world;

    await t.test('a password of 20 KB, the most that an ID token can have, reaches Dockpass', async () => {
      assert.equal(await logIn(world, 'x'.repeat(20 * 1024)), 401);
      await server.says(/"reason":"[^"]*password/);
    });
    await t.test('the log has the address of the client, whatever the client claims', async () => {
      assert.equal(await logIn(world, 'x', { 'x-forwarded-for': '192.0.2.66' }), 401);
      const lines = server.output().split('\n');
      const addresses = lines.filter((line) => line.includes('no token')).map((line) => JSON.parse(line).address);
      assert.deepEqual([...new Set(addresses)], ['127.0.0.2']);
    });
    await t.test('the doctor finds nothing wrong: uploads and sign-in stay on https', async () => {
      const words = ['doctor', `https://localhost:${places.registryFront}`, '--ca', places.files.certificate];
      const { code, output } = await installation.run(words);
      assert.equal(code, 0, output);
    });
    await t.test('an image is pushed and pulled through it', async () => {
      await installation.addPerson('ana@example.com');
      const made = await installation.run(['password', 'create', 'ana@example.com', '--name', 'x']);
      const skopeo = createSkopeo(places.folder);
      const registry = `localhost:${places.registryFront}`;
      assert.equal((await skopeo.login(registry, 'ana@example.com', made.stdout.trim())).code, 0);
      const pushed = await skopeo.push(await skopeo.make(), `${registry}/team/app:1`);
      assert.equal(pushed.code, 0, pushed.output);
      assert.equal((await skopeo.pull(`${registry}/team/app:1`)).code, 0);
    });
  });
}

test('the YAML of docs/operating.md is YAML', () => {
  const blocks = blocksOf('docs/operating.md', 'yaml');
  assert.ok(blocks.length >= 2);
  for (const block of blocks) {
    assert.deepEqual(
      parseAllDocuments(block).flatMap(({ errors }) => errors),
      [],
    );
  }
});
