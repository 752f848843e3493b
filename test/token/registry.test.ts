/** What a real registry makes of the tokens: distribution 2.8 with the CA in its rootcertbundle. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { missing } from '../support/parts.ts';
import { freePorts } from '../support/ports.ts';
import { type Running, runProgram } from '../support/process.ts';
import { startRegistry } from '../support/registry.ts';
import {
  secondRegistry,
  startTokenService,
  type TokenService,
  type TokenServiceWish,
} from '../support/token-service.ts';

/** What signs the tokens: keys of Dockpass, of either kind, and one that the operator brings. */
const makers: Readonly<Record<string, (folder: string) => Promise<TokenServiceWish>>> = {
  'ES256 of Dockpass': async () => ({}),
  'RS256 of Dockpass': async () => ({ ring: { algorithm: 'RS256' } }),
  'RS256 of the operator, with the kid alone': async (folder) => {
    const [keyFile, certificateFile] = [join(folder, 'token.key'), join(folder, 'token.crt')];
    const made = await runProgram('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=token', '-days', '60'],
      ...['-keyout', keyFile, '-out', certificateFile],
    ]);
    assert.equal(made.code, 0, made.output);
    return { ring: { own: { keyFile, certificateFile } }, services: [{ ...secondRegistry, header: 'kid' }] };
  },
};

for (const [name, wishOf] of Object.entries(makers)) {
  test(`21 a registry 2.8 with rootcertbundle accepts ${name}`, {
    skip: missing('docker-registry', 'openssl'),
  }, async (t) => {
    const stack = new AsyncDisposableStack();
    t.after(() => stack.disposeAsync());
    const folder = await mkdtemp(join(tmpdir(), 'dockpass-registry-'));
    stack.defer(() => rm(folder, { recursive: true }));
    const tokens = await startTokenService(await wishOf(folder));
    stack.defer(() => tokens.stop());
    const [port = 0] = await freePorts(1);
    const { name: service, issuer } = secondRegistry;
    const input = { folder, port, realm: `${tokens.url}/auth`, service, issuer };
    const registry = await startRegistry({ ...input, certificateBundleFile: tokens.bundleFile });
    stack.defer(() => registry.stop());
    const { body } = await tokens.get([['service', service]], { user: 'ana' });
    const headers = { Authorization: `Bearer ${body['token']}` };
    assert.equal((await fetch(`http://127.0.0.1:${port}/v2/`, { headers })).status, 200, registry.output());
  });
}

describe('21 a registry 2.8 with rootcertbundle', { skip: missing('docker-registry') }, () => {
  let tokens: TokenService;
  let registry: Running;
  let folder: string;
  let host: string;

  before(async () => {
    tokens = await startTokenService();
    folder = await mkdtemp(join(tmpdir(), 'dockpass-registry-'));
    const [port = 0] = await freePorts(1);
    host = `http://127.0.0.1:${port}`;
    registry = await startRegistry({
      folder,
      port,
      realm: `${tokens.url}/auth`,
      service: 'my registry:5000',
      issuer: 'auth.example.com',
      certificateBundleFile: tokens.bundleFile,
    });
  });
  after(async () => {
    await registry.stop();
    await tokens.stop();
    await rm(folder, { recursive: true });
  });

  /** Asks as a client does: for a token of the scope, then the registry with it. */
  const ask = async (user: string, scope: string, path: string, method = 'GET'): Promise<Response> => {
    const scopes = scope === '' ? [] : [['scope', scope] as const];
    const { body } = await tokens.get([['service', 'my registry:5000'], ...scopes], { user });
    return fetch(host + path, { method, headers: { Authorization: `Bearer ${body['token']}` } });
  };

  test('sends clients to the realm', async () => {
    const response = await fetch(`${host}/v2/`);
    assert.equal(response.status, 401);
    assert.match(response.headers.get('www-authenticate') ?? '', /realm="http.*\/auth",service="my registry:5000"/);
  });

  test('accepts the token of a log-in', async () => {
    assert.equal((await ask('ana', '', '/v2/')).status, 200);
  });

  test('only lets those push who can', async () => {
    const scope = 'repository:team/a:pull,push';
    const path = '/v2/team/a/blobs/uploads/';
    assert.equal((await ask('ana', scope, path, 'POST')).status, 202);
    const refused = await ask('bo', scope, path, 'POST');
    assert.equal(refused.status, 401);
    assert.match(refused.headers.get('www-authenticate') ?? '', /error="insufficient_scope"/);
  });

  test('lets those pull who can', async () => {
    const path = '/v2/team/a/tags/list';
    assert.equal((await ask('bo', 'repository:team/a:pull', path)).status, 404);
    assert.equal((await ask('cy', 'repository:team/a:pull', path)).status, 401);
  });

  test('lists the catalog to those who can see it', async () => {
    assert.equal((await ask('ana', 'registry:catalog:*', '/v2/_catalog')).status, 200);
    assert.equal((await ask('bo', 'registry:catalog:*', '/v2/_catalog')).status, 401);
  });

  test('deletes with the expanded "*"', async () => {
    const path = `/v2/team/a/manifests/sha256:${'0'.repeat(64)}`;
    assert.equal((await ask('ana', 'repository:team/a:*', path, 'DELETE')).status, 404);
    assert.equal((await ask('bo', 'repository:team/a:*', path, 'DELETE')).status, 401);
  });

  test('refuses the token of another service', async () => {
    const { body } = await tokens.get([['service', 'registry.example.com']], { user: 'ana' });
    const response = await fetch(`${host}/v2/`, { headers: { Authorization: `Bearer ${body['token']}` } });
    assert.equal(response.status, 401);
    assert.match(registry.output(), /intended for another audience/);
  });
});

test('a registry that distinguishes classes takes a plugin with the token that docker asks for', {
  skip: missing('docker-registry'),
}, async (t) => {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const folder = await mkdtemp(join(tmpdir(), 'dockpass-registry-'));
  stack.defer(() => rm(folder, { recursive: true }));
  const tokens = await startTokenService();
  stack.defer(() => tokens.stop());
  const [port = 0] = await freePorts(1);
  const { name: service, issuer } = secondRegistry;
  const registry = await startRegistry({
    ...{ folder, port, realm: `${tokens.url}/auth`, service, issuer, certificateBundleFile: tokens.bundleFile },
    environment: { REGISTRY_POLICY_REPOSITORY_CLASSES: '[image, plugin]' },
  });
  stack.defer(() => registry.stop());
  const push = async (scope: string, configType: string): Promise<number> => {
    const { body } = await tokens.get(
      [
        ['service', service],
        ['scope', scope],
      ],
      { user: 'ana' },
    );
    const headers = { Authorization: `Bearer ${body['token']}` };
    const at = `http://127.0.0.1:${port}/v2/team/plug`;
    const layer = Buffer.from('{}');
    const digest = `sha256:${createHash('sha256').update(layer).digest('hex')}`;
    const begun = await fetch(`${at}/blobs/uploads/`, { method: 'POST', headers });
    const upload = new URL(begun.headers.get('location') ?? '');
    upload.searchParams.set('digest', digest);
    assert.equal((await fetch(upload, { method: 'PUT', headers, body: layer })).status, 201);
    const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
    const descriptor = (type: string) => ({ mediaType: type, size: layer.length, digest });
    const layers = [descriptor('application/vnd.docker.image.rootfs.diff.tar.gzip')];
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config: descriptor(configType), layers });
    const sent = { method: 'PUT', headers: { ...headers, 'Content-Type': mediaType }, body: manifest };
    return (await fetch(`${at}/manifests/1`, sent)).status;
  };
  const [image, plugin] = ['application/vnd.docker.container.image.v1+json', 'application/vnd.docker.plugin.v1+json'];
  assert.equal(await push('repository(plugin):team/plug:push,pull', plugin), 201);
  assert.equal(await push('repository:team/plug:push,pull', image), 201);
  assert.equal(await push('repository:team/plug:push,pull', plugin), 403, 'as an image, it is no plugin');
});
