/** Several registries in one running Dockpass: each has its own issuer, lifetime, header, keys and openness. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  calculateJwkThumbprint,
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  type JSONWebKeySet,
  jwtVerify,
} from 'jose';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';

const [plain, separate, closed] = ['registry.example.com', 'lab:5000', 'closed.example.com'];
/** As docker_auth's examples call it. */
const spaced = 'Docker registry';
let installation: Installation;
let server: Server;
before(async () => {
  installation = createInstallation();
  server = await installation.serve({
    SERVICES: [plain, separate, closed, spaced].join(),
    TOKEN_ISSUER: 'dockpass',
    SERVICE_LAB_5000_ISSUER: 'lab',
    SERVICE_LAB_5000_LIFETIME: '900',
    SERVICE_LAB_5000_TOKEN_HEADER: 'kid',
    SERVICE_LAB_5000_SEPARATE_KEY: 'true',
    SERVICE_LAB_5000_TOKEN_ALGORITHM: 'RS256',
    SERVICE_CLOSED_EXAMPLE_COM_ANONYMOUS_ACCESS: 'false',
  });
});
after(async () => {
  await server.stop();
  installation.remove();
});

const ask = (service: string) =>
  fetch(`${server.url}/auth?scope=repository:a/b:pull&service=${encodeURIComponent(service)}`);
const tokenOf = async (service: string) => (await (await ask(service)).json()) as { token: string; expires_in: number };
const jwksOf = async (query: string) => {
  const response = await fetch(`${server.url}/.well-known/jwks.json${query}`);
  return (await response.json()) as JSONWebKeySet;
};

test('each token has the issuer, the life and the header of its service', async () => {
  const [one, other] = [await tokenOf(plain), await tokenOf(separate)];
  assert.deepEqual([one.expires_in, other.expires_in], [300, 900]);
  const claims = async ({ token }: { token: string }, query: string) =>
    (await jwtVerify(token, createLocalJWKSet(await jwksOf(query)))).payload;
  assert.partialDeepStrictEqual(await claims(one, ''), { iss: 'dockpass', aud: plain });
  assert.partialDeepStrictEqual(await claims(other, `?service=${separate}`), { iss: 'lab', aud: separate });
  assert.partialDeepStrictEqual(decodeProtectedHeader(one.token), { alg: 'ES256' });
  assert.equal(decodeProtectedHeader(one.token).x5c?.length, 1);
  const { alg, x5c, kid } = decodeProtectedHeader(other.token);
  assert.deepEqual([alg, x5c, kid?.length], ['RS256', undefined, 59]);
});

test('a service is found whatever the case of its name, and the token is for the name as it is configured', async () => {
  const audience = async (name: string) => decodeJwt((await tokenOf(name)).token).aud;
  for (const name of ['REGISTRY.EXAMPLE.COM', 'Registry.Example.com']) assert.equal(await audience(name), plain);
  for (const name of ['Docker Registry', 'docker registry']) assert.equal(await audience(name), spaced);
});

test('the realm answers whatever the case of its path, as Watchtower sends it', async () => {
  for (const path of ['/auth', '/AUTH', '/Auth/Token']) {
    assert.equal((await fetch(`${server.url}${path}?scope=repository:a/b:pull&service=${plain}`)).status, 200, path);
  }
});

test('the public keys can be fetched and kept for five minutes, each under its two names', async () => {
  const response = await fetch(`${server.url}/.well-known/jwks.json`);
  assert.equal(response.headers.get('cache-control'), 'public, max-age=300');
  const { keys } = (await response.json()) as JSONWebKeySet;
  const { kid, alg } = decodeProtectedHeader((await tokenOf(plain)).token);
  const own = keys.find((key) => key.kid === kid);
  assert.ok(own);
  assert.equal(own.alg, alg);
  const thumbprint = await calculateJwkThumbprint(own);
  assert.deepEqual(
    keys.find((key) => key.kid === thumbprint),
    { ...own, kid: thumbprint },
  );
});

test('a key of its own is in no file and no answer of the others', async () => {
  const { token } = await tokenOf(separate);
  await assert.rejects(jwtVerify(token, createLocalJWKSet(await jwksOf(''))), { code: 'ERR_JWKS_NO_MATCHING_KEY' });
  const read = (file: string) => readFile(join(installation.folder, 'data', file), 'utf8');
  assert.notEqual(await read('registry-bundle.pem'), await read('registry-bundle-lab-5000.pem'));
  assert.deepEqual(JSON.parse(await read('registry-jwks-lab-5000.json')), await jwksOf(`?service=${separate}`));
  assert.equal((await fetch(`${server.url}/.well-known/jwks.json?service=other`)).status, 404);
});

test('a service without anonymous access asks for a login', async () => {
  assert.equal((await ask(plain)).status, 200);
  assert.equal((await ask(closed)).status, 401);
});
