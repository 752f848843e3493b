/** `dockpass key ...` beside a running service, as processes. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import Database from 'better-sqlite3';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { missing } from '../support/parts.ts';

let installation: Installation;
let server: Server;
before(async () => {
  installation = createInstallation();
  server = await installation.serve();
});
after(async () => {
  await server.stop();
  installation.remove();
});

const run = (...words: readonly string[]) => installation.run(['key', ...words]);

test('list names the keys that the service signs with', async () => {
  const { code, stdout } = await run('list');
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^1 {2}authority {2}ES256 .*\n2 {2}signing {2}ES256 {2}([A-Z2-7]{4}:){11}[A-Z2-7]{4} .*\n3 {2}waiting/,
  );
  const keys = JSON.parse((await run('list', '--json')).stdout);
  const served = (await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] };
  // Each under its libtrust id and its thumbprint.
  assert.deepEqual(
    served.keys.map(({ kid }) => kid).filter((_, index) => index % 2 === 0),
    keys.slice(1).map(({ id }: { id: string }) => id),
  );
});

test('export writes what registries must trust', async () => {
  const bundle = await readFile(join(installation.folder, 'data', 'registry-bundle.pem'), 'utf8');
  assert.equal((await run('export')).stdout, bundle);
  const jwks = await (await fetch(`${server.url}/.well-known/jwks.json`)).json();
  assert.deepEqual(JSON.parse((await run('export', '--jwks')).stdout), jwks);
});

test('rotate says when; an authority waits for the second word', async () => {
  const rotated = await run('rotate');
  assert.match(rotated.stdout, /The next key signs from 20..-..-..T.*Z on/);
  const again = await run('rotate');
  assert.equal(again.code, 1);
  assert.match(again.output, /rotation is under way/);
  const { signsFrom } = JSON.parse((await run('rotate', '--now', '--json')).stdout) as { signsFrom: unknown };
  assert.equal(typeof signsFrom, 'number', 'as in the list');
  const authority = await run('rotate', '--authority');
  assert.match(authority.output, /beside the old one[\s\S]*restart it, then run `dockpass key rotate`/);
  assert.match((await run('export')).stdout, /END CERTIFICATE[\s\S]*END CERTIFICATE/);
  assert.match((await run('list')).output, /new certificate authority waits/);
});

test('a rotation or an authority that the audit cannot take does not happen', async () => {
  const database = new Database(join(installation.folder, 'data', 'dockpass.db'));
  const before = (await run('list')).stdout;
  database.exec(`
    create trigger full before insert on audit_event when new.action like 'key.%'
    begin select raise(abort, 'no room'); end`);
  for (const option of ['--now', '--authority']) {
    const { code, output } = await run('rotate', option);
    assert.equal(code, 1, output);
  }
  database.exec('drop trigger full');
  database.close();
  assert.equal((await run('list')).stdout, before);
});

test('keys that another encryption key sealed are explained in one line', async () => {
  const { code, output } = await installation.run(['key', 'list'], { ENCRYPTION_KEYS: 'x'.repeat(32) });
  assert.equal(code, 1);
  assert.match(output, /^Signing key \d+ in the database cannot be opened: .*ENCRYPTION_KEYS.*\n$/);
});

test('words that do not fit are explained', async () => {
  assert.equal((await run('rotate', '--now', '--authority')).code, 2);
  const unknown = await run('list', '--service', 'other');
  assert.equal(unknown.code, 1);
  assert.match(unknown.output, /There is no service "other"\. SERVICES has registry\.example\.com/);
});

test('a rotation that registries with a jwks file would not survive is refused, and done with --yes', async () => {
  const own = { SERVICES: 'a.example.com,b.example.com', SERVICE_B_EXAMPLE_COM_SEPARATE_KEY: 'true' };
  const environment = { ...own, SERVICE_B_EXAMPLE_COM_TOKEN_HEADER: 'kid' };
  const rotate = (...words: readonly string[]) => installation.run(['key', 'rotate', '--now', ...words], environment);
  const ofB = ['--service', 'b.example.com'];
  const list = () => installation.run(['key', 'list', ...ofB], environment);
  assert.equal((await installation.run(['migrate'], environment)).code, 0);
  const before = (await list()).stdout;
  const refused = await rotate(...ofB);
  assert.equal(refused.code, 1);
  assert.match(
    refused.output,
    /b\.example\.com read the keys from a file.*Copy .*registry-jwks-b\.example\.com\.json to each.*rotate with --yes/,
  );
  assert.equal((await list()).stdout, before);
  assert.equal((await rotate(...ofB, '--yes')).code, 0);
  assert.notEqual((await list()).stdout, before);
  assert.equal((await rotate()).code, 0, 'the other service trusts a bundle');
});

test('the certificates of a service with a key of its own are served by its name, to anyone', async (t) => {
  const own = { SERVICES: 'a.example.com,b.example.com', SERVICE_B_EXAMPLE_COM_SEPARATE_KEY: 'true' };
  const server = await installation.serve(own);
  t.after(() => server.stop());
  const served = async (query: string) => (await fetch(`${server.url}/.well-known/registry-bundle.pem${query}`)).text();
  const inFile = (name: string) => readFile(join(installation.folder, 'data', name), 'utf8');
  assert.equal(await served(''), await inFile('registry-bundle.pem'));
  assert.equal(await served('?service=b.example.com'), await inFile('registry-bundle-b.example.com.pem'));
  assert.equal(await served('?service=a.example.com'), await served(''));
  assert.notEqual(await served('?service=b.example.com'), await served(''));
});

test('of your own keys, export has what the service published; they are not for rotate', {
  skip: missing('openssl'),
}, async (t) => {
  // Another service on the same files would write them, too.
  const installation = createInstallation();
  const [certificate, key] = ['token.crt', 'token.key'].map((file) => join(installation.folder, file));
  const renew = () =>
    execFileSync(
      'openssl',
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 100 -subj /CN=token -keyout ${key} -out ${certificate}`.split(
        ' ',
      ),
      { stdio: 'pipe' },
    );
  renew();
  const registry = createServer((_request, response) => response.writeHead(401).end()).listen(0, '127.0.0.1');
  t.after(() => registry.close());
  await once(registry, 'listening');
  const { port } = registry.address() as AddressInfo;
  const environment = {
    SERVICE_REGISTRY_EXAMPLE_COM_URL: `http://127.0.0.1:${port}`,
    ...{ TOKEN_CERTIFICATE_FILE: `${certificate}`, TOKEN_KEY_FILE: `${key}` },
    SERVICE_REGISTRY_EXAMPLE_COM_TOKEN_HEADER: 'kid',
  };
  const own = await installation.serve(environment);
  t.after(async () => {
    await own.stop();
    installation.remove();
  });
  const run = async (...words: readonly string[]) => (await installation.run(['key', ...words], environment)).output;
  const [{ id: before }] = JSON.parse(await run('list', '--json'));
  renew();
  const listed = await run('list');
  assert.match(listed, /^1 {2}waiting/m);
  assert.match(listed, /holds a new key.*then restart Dockpass/);
  const sync = await installation.run(['repository', 'sync'], environment);
  assert.match(sync.output, /refuses Dockpass's token/);
  assert.match(sync.output, /holds a new key.*signs with the new key already.*"Read catalog and tags now"/);
  const jwks = await run('export', '--jwks');
  assert.ok(jwks.includes(before), 'the service still signs with it');
  assert.equal(jwks.match(/"kid"/g)?.length, 4);
  assert.equal((await run('export')).match(/END CERTIFICATE/g)?.length, 2);
  assert.match(await run('export'), /Dockpass is running and can still sign with the key that its files held before/);
  assert.match(await run('rotate'), /This key is yours/);
  // Stopped, as after a leak: what was published before is no longer handed on.
  await own.stop();
  assert.match(await run('list'), /^1 {2}signing.*\n$/m);
  const stopped = await run('export', '--jwks');
  assert.ok(!stopped.includes(before));
  assert.equal(stopped.match(/"kid"/g)?.length, 2);
  assert.equal(await run('export'), await readFile(`${certificate}`, 'utf8'));
});
