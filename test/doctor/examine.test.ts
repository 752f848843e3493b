/** What the doctor concludes from the tokens that a registry takes: clocks, what is left behind, and what a 3.x gives away. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from 'jose';
import { parseChallenge } from '../../src/doctor/challenge.ts';
import { type DoctorParts, type DoctorService, examine } from '../../src/doctor/examine.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { createProbe } from '../../src/doctor/probe.ts';
import { missing } from '../support/parts.ts';
import { freePorts } from '../support/ports.ts';
import { startRegistry } from '../support/registry.ts';
import {
  registry as registryService,
  type ServiceWish,
  secondRegistry,
  startTokenService,
  type TokenService,
} from '../support/token-service.ts';

const minute = 60_000;

describe('the doctor before a registry', () => {
  let tokens: TokenService;
  let folder: string;
  before(async () => {
    tokens = await startTokenService();
    folder = await mkdtemp(join(tmpdir(), 'dockpass-doctor-'));
  });
  after(async () => {
    await tokens.stop();
    await rm(folder, { recursive: true });
  });

  const serviceOf = ({ name, issuer }: ServiceWish): DoctorService => {
    const ring = tokens.keys.ring('');
    return { name, issuer, registryHost: name, signer: ring.signer('x5c'), bundle: ring.bundle() };
  };
  const partsOf = (changes: Partial<DoctorParts> = {}): DoctorParts => ({
    probe: createProbe([]),
    publicUrl: new URL(tokens.url),
    realm: new URL('/auth', tokens.url),
    services: [serviceOf(registryService), serviceOf(secondRegistry)],
    keyIds: [],
    registryFiles: null,
    now: Date.now,
    ...changes,
  });
  const wrongOnes = (findings: readonly Finding[]) => findings.filter(({ status }) => status !== 'right');
  const start = async (t: TestContext, issuer = 'auth.example.com'): Promise<URL> => {
    const [port = 0] = await freePorts(1);
    const settings = { realm: `${tokens.url}/auth`, service: 'registry.example.com', issuer };
    const registry = await startRegistry({
      folder: join(folder, String(port)),
      port,
      certificateBundleFile: tokens.bundleFile,
      ...settings,
    });
    t.after(() => registry.stop());
    return new URL(`http://localhost:${port}`);
  };

  test('an upload that was begun to see where it goes is in no catalog', {
    skip: missing('docker-registry'),
  }, async (t) => {
    const url = await start(t);
    const { findings } = await examine(partsOf(), url);
    assert.deepEqual(wrongOnes(findings), []);
    const { body } = await tokens.get(
      [
        ['service', 'registry.example.com'],
        ['scope', 'registry:catalog:*'],
      ],
      { user: 'ana' },
    );
    const catalog = await fetch(new URL('/v2/_catalog', url), {
      headers: { authorization: `Bearer ${body['token']}` },
    });
    assert.deepEqual(await catalog.json(), { repositories: [] });
  });

  for (const [name, shift, message] of [
    ['ahead', -10 * minute, /clock is (599|600|601) seconds ahead of this machine's/],
    ['behind', 10 * minute, /clock is (599|600|601) seconds behind this machine's/],
  ] as const) {
    test(`a registry whose clock is ten minutes ${name}`, { skip: missing('docker-registry') }, async (t) => {
      const now = (): number => Date.now() + shift;
      const [finding, ...others] = wrongOnes((await examine(partsOf({ now }), await start(t))).findings);
      assert.equal(finding?.subject, 'clock');
      assert.match(finding?.message ?? '', message);
      assert.deepEqual(others, []);
    });
  }
  test('half a minute is forgiven', { skip: missing('docker-registry') }, async (t) => {
    const now = (): number => Date.now() + minute / 2;
    assert.deepEqual(wrongOnes((await examine(partsOf({ now }), await start(t))).findings), []);
  });
  test('a clock and an issuer that are both wrong', { skip: missing('docker-registry') }, async (t) => {
    const now = (): number => Date.now() - 10 * minute;
    const { findings } = await examine(partsOf({ now }), await start(t, 'https://auth.example.com'));
    assert.deepEqual(
      wrongOnes(findings).map(({ subject }) => subject),
      ['clock', 'issuer'],
    );
  });

  /** The order of distribution 3's token.go Verify: the key, then the signature, which has no `error`, then the claims. */
  const startThree = async (t: TestContext, trusted: JSONWebKeySet): Promise<URL> => {
    const keySet = createLocalJWKSet(trusted);
    const refusalOf = async (token: string): Promise<string> => {
      try {
        const { payload } = await jwtVerify(token, keySet);
        return payload.iss === 'x9' ? '' : ',error="invalid_token"';
      } catch (error) {
        return error instanceof errors.JWSSignatureVerificationFailed ? '' : ',error="invalid_token"';
      }
    };
    const server = createServer((request, response) => {
      const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
      const challenge = `Bearer realm="${tokens.url}/auth",service="registry.example.com"`;
      void refusalOf(token).then((error) => response.writeHead(401, { 'www-authenticate': challenge + error }).end());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    return new URL(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
  };
  test('a 3.x that trusts the key and has an issuer that nobody would guess: the issuer alone is wrong', async (t) => {
    const url = await startThree(t, tokens.keys.ring('').jwks() as JSONWebKeySet);
    const [finding, ...others] = wrongOnes((await examine(partsOf(), url)).findings);
    assert.match(`${finding?.subject}: ${finding?.message}`, /^issuer: auth\.token\.issuer is another one/);
    assert.deepEqual(others, []);
  });
});

test('a challenge is read as RFC 9110 writes it', () => {
  const header = 'bEARER realm="https://a.example/auth?x=1,2", service="my \\"registry\\":5000",error=invalid_token';
  assert.deepEqual(parseChallenge(header), {
    scheme: 'bearer',
    parameters: { realm: 'https://a.example/auth?x=1,2', service: 'my "registry":5000', error: 'invalid_token' },
  });
  assert.deepEqual(parseChallenge('Negotiate'), { scheme: 'negotiate', parameters: {} });
  assert.equal(parseChallenge(undefined), null);
  assert.equal(parseChallenge('="'), null);
});
