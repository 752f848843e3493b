/** Several registries in one running Dockpass: each has its own issuer, lifetime, header, keys and openness. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';

const [plain, separate, closed] = ['registry.example.com', 'lab:5000', 'closed.example.com'];
let installation: Installation;
let server: Server;
before(async () => {
  installation = createInstallation();
  server = await installation.serve({
    SERVICES: [plain, separate, closed].join(),
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

test('a key of its own is in no file and no answer of the others', async () => {
  const { token } = await tokenOf(separate);
  await assert.rejects(jwtVerify(token, createLocalJWKSet(await jwksOf(''))), { code: 'ERR_JWKS_NO_MATCHING_KEY' });
  const read = (file: string) => readFile(join(installation.folder, 'data', file), 'utf8');
  assert.notEqual(await read('registry-bundle.pem'), await read('registry-bundle-lab-5000.pem'));
  assert.deepEqual(JSON.parse(await read('registry-jwks-lab-5000.json')), await jwksOf(`?service=${separate}`));
  assert.equal((await fetch(`${server.url}/.well-known/jwks.json?service=other`)).status, 404);
});

test('a service without anonymous access tells those who ask to log in', async () => {
  assert.equal((await ask(plain)).status, 200);
  assert.equal((await ask(closed)).status, 401);
});
