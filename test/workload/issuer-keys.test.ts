/** The keys of issuers: fetched rarely, replaced as a whole, kept through an outage, and never a stranger's. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, test } from 'node:test';
import { decodeProtectedHeader, exportJWK } from 'jose';
import { createCipher } from '../../src/lib/cipher.ts';
import { Refusal } from '../../src/lib/errors.ts';
import type { Log } from '../../src/lib/log.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { fetchText } from '../../src/workload/fetch-text.ts';
import { readUnverified } from '../../src/workload/id-token.ts';
import type { Issuer } from '../../src/workload/issuer.ts';
import { createIssuerKeys, type IssuerKeyParts, type IssuerKeys } from '../../src/workload/issuer-keys.ts';
import { candidatesOf, KeySetError, readKeySet } from '../../src/workload/key-set.ts';
import { WorkloadRefusal } from '../../src/workload/refusal.ts';
import { verifyToken } from '../../src/workload/verify.ts';
import { describeEngines } from '../support/engines.ts';
import { type Answer, startIssuer, type TestIssuer } from '../support/issuer.ts';
import { workloadsOf } from '../support/workload.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const minute = 60_000;
const day = 24 * 60 * minute;

describeEngines('the keys of an issuer', (databases) => {
  let store: Store;
  let issuer: TestIssuer;
  let configured: Issuer;
  let now: number;
  let keys: IssuerKeys;

  /** As a process does that starts. */
  const open = (changes: Partial<IssuerKeyParts> = {}): IssuerKeys =>
    createIssuerKeys({
      store: store.workloadIssuers,
      cipher: createCipher(['c'.repeat(32)]),
      fetchText,
      files: () => ({ keys: new Map(), authorities: new Map() }),
      maximumAge: 7 * day,
      log: silent,
      longestWait: 60_000,
      now: () => now,
      ...changes,
    });
  /** How many keys could have signed a new token. */
  const find = async (from: IssuerKeys = keys, kid?: string) => {
    const wanted = kid ?? decodeProtectedHeader(await issuer.sign({})).kid ?? null;
    const row = await store.workloadIssuers.byName('ci');
    return (await from.find(configured, row, { kid: wanted, algorithm: 'RS256' })).length;
  };
  const fetches = () => issuer.asked.filter((path) => path === '/keys').length;
  const isUnavailable = (error: unknown) => error instanceof Refusal && error.code === 'unavailable';

  beforeEach(async () => {
    store = await openStore(await databases.create(), () => {});
    issuer = await startIssuer();
    configured = issuerOf(`issuers: { ci: { preset: oidc, issuer: "${issuer.url}" } }\nrules: []`);
    now = 1_800_000_000_000;
    keys = open();
  });
  afterEach(async () => {
    await issuer.stop();
    await store.close();
  });

  test('are fetched once for all who wait, in every process', async () => {
    const other = open();
    const found = await Promise.all([find(), find(), find(other), find(other)]);
    assert.deepEqual(found, [1, 1, 1, 1]);
    assert.equal(fetches(), 1);
  });

  test('are fetched again for an unknown key, after a cool-down that all processes share', async () => {
    assert.equal(await find(), 1);
    now += 5_000;
    await issuer.rotate();
    assert.equal(await find(), 0);
    assert.equal(await find(open()), 0);
    now += 6_000;
    assert.equal(await find(open()), 1);
    assert.equal(fetches(), 2);
  });

  test('are asked for a few times only, however many made-up keys strangers send', async () => {
    assert.equal(await find(), 1);
    now += minute;
    const made = Array.from({ length: 200 }, (_, count) => find(keys, `made-up-${count}`));
    assert.deepEqual(new Set(await Promise.all(made)), new Set([0]));
    assert.equal(fetches(), 2);
  });

  test('count only while the newest set lists them', async () => {
    const old = decodeProtectedHeader(await issuer.sign({})).kid;
    assert.equal(await find(), 1);
    await issuer.rotate({ keep: true });
    now += minute;
    assert.equal(await find(), 1);
    assert.equal(await find(keys, old), 1);
    await issuer.rotate();
    now += minute;
    assert.equal(await find(), 1);
    assert.equal(await find(keys, old), 0);
  });

  for (const how of [
    'error',
    'empty',
    'garbage',
    'redirect',
    'long',
    'other-issuer',
    'plain-keys',
    'hang-up',
  ] satisfies Answer[]) {
    test(`stay as they were where the issuer answers with ${how}, and a new key is a 503, never a 401`, async () => {
      assert.equal(await find(), 1);
      const old = decodeProtectedHeader(await issuer.sign({})).kid;
      issuer.answer(how);
      await issuer.rotate();
      now += minute;
      await assert.rejects(find(), isUnavailable);
      assert.equal(await find(keys, old), 1);
      const count = issuer.asked.length;
      await assert.rejects(find(), isUnavailable);
      assert.equal(issuer.asked.length, count, 'a failed answer has a cool-down too');
      issuer.answer(null);
      now += minute;
      assert.equal(await find(), 1);
    });
  }

  test('are a 503 where the issuer hangs, for those in another process too', async () => {
    issuer.answer('hang');
    const [one, other] = [open({ longestWait: 100 }), open({ longestWait: 100 })];
    await Promise.all([assert.rejects(find(one), isUnavailable), assert.rejects(find(other), isUnavailable)]);
    assert.equal(issuer.asked.length, 1);
  });

  test('work after a restart while the issuer is away, for seven days', async () => {
    assert.equal(await find(), 1);
    issuer.answer('error');
    now += 6 * day;
    assert.equal(await find(open()), 1);
    now += 2 * day;
    await assert.rejects(find(open()), isUnavailable);
  });

  test('are fetched again every ten minutes, whoever asks', async () => {
    assert.equal(await find(), 1);
    await keys.refresh([configured]);
    assert.equal(fetches(), 1);
    now += 11 * minute;
    await Promise.all([keys.refresh([configured]), open().refresh([configured])]);
    assert.equal(fetches(), 2);
  });

  test('are not fetched by themselves before a token of the issuer came, nor while it is off', async () => {
    await keys.refresh([configured]);
    assert.equal(issuer.asked.length, 0);
    assert.equal(await find(), 1);
    now += 11 * minute;
    await store.workloadIssuers.disable('ci', { at: now, by: 'x', reason: '' }, () => null);
    await keys.refresh([configured]);
    assert.equal(fetches(), 1);
  });

  test('that someone else wrote into the database count for nothing', async () => {
    const mallory = await startIssuer();
    try {
      const sealed = createCipher(['m'.repeat(32)]).seal(
        await fetchText(new URL(`${mallory.url}/keys`), { ca: null }),
        'x',
      );
      await store.workloadIssuers.claimFetch('ci', now, now);
      await store.workloadIssuers.storeKeys('ci', sealed, now, now);
      const { kid = null } = decodeProtectedHeader(await mallory.sign({}));
      const row = await store.workloadIssuers.byName('ci');
      now += minute;
      assert.deepEqual(await keys.find(configured, row, { kid, algorithm: 'RS256' }), []);
    } finally {
      await mallory.stop();
    }
  });

  test('of another issuer that had the same name before count for nothing', async () => {
    assert.equal(await find(), 1);
    const old = decodeProtectedHeader(await issuer.sign({})).kid ?? null;
    const moved = issuerOf(`issuers: { ci: { preset: oidc, issuer: "http://127.0.0.1:9" } }\nrules: []`);
    const row = await store.workloadIssuers.byName('ci');
    await assert.rejects(keys.find(moved, row, { kid: old, algorithm: 'RS256' }), isUnavailable);
  });

  test('are fetched anew after an administrator discarded them', async () => {
    assert.equal(await find(), 1);
    await store.workloadIssuers.discardKeys('ci', () => null);
    assert.equal(keys.known(configured, await store.workloadIssuers.byName('ci')), null);
    assert.equal(await find(), 1);
    assert.equal(fetches(), 2);
  });
});

function issuerOf(text: string): Issuer {
  const [issuer] = workloadsOf(text).issuers.values();
  assert.ok(issuer);
  return issuer;
}

const jwkOf = async (make: () => { publicKey: import('node:crypto').KeyObject }) => exportJWK(make().publicKey);
const strong = await jwkOf(() => generateKeyPairSync('rsa', { modulusLength: 2048 }));
const weak = await jwkOf(() => generateKeyPairSync('rsa', { modulusLength: 1024 }));
const ec = await jwkOf(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }));
const edwards = await jwkOf(() => generateKeyPairSync('ed25519'));

function zeroInFront(jwk: { readonly n?: string }): object {
  return { ...jwk, n: Buffer.concat([Buffer.alloc(1), Buffer.from(jwk.n ?? '', 'base64url')]).toString('base64url') };
}

const sets: readonly (readonly [what: string, keys: readonly object[], algorithms: string | null])[] = [
  ['RSA', [strong], 'RS256 RS384 RS512 PS256 PS384 PS512'],
  ['RSA for one algorithm', [{ ...strong, alg: 'RS256' }], 'RS256'],
  ['RSA with a zero byte in front, as Jenkins writes it', [zeroInFront(strong)], 'RS256 RS384 RS512 PS256 PS384 PS512'],
  ['P-256', [ec], 'ES256'],
  ['Ed25519', [{ ...edwards, alg: 'EdDSA' }], 'EdDSA Ed25519'],
  ['RSA of 1024 bits', [weak], null],
  ['RSA for another type of algorithm', [{ ...strong, alg: 'ES256' }], null],
  ['a key for HMAC', [{ kty: 'oct', k: 'c2VjcmV0' }], null],
  ['RSA for HMAC', [{ ...strong, alg: 'HS256' }], null],
  ['a key for encryption', [{ ...strong, use: 'enc' }], null],
  ['a key to sign with', [{ ...strong, key_ops: ['sign'] }], null],
  ['a key on another curve', [{ ...ec, crv: 'secp256k1' }], null],
  ['half a key', [{ kty: 'RSA', e: 'AQAB' }], null],
  ['nothing', [], null],
  ['a key behind a hundred that are not for signatures', [...Array(100).fill({ ...strong, use: 'enc' }), ec], 'ES256'],
  ['more than a hundred that are for signatures', Array(101).fill(ec), null],
];
for (const [what, keys, algorithms] of sets) {
  test(`a key set of ${what} is ${algorithms === null ? 'refused' : 'read'}`, () => {
    const read = () => readKeySet(JSON.stringify({ keys }));
    if (algorithms === null) assert.throws(read, KeySetError);
    else assert.equal(read()[0]?.algorithms.join(' '), algorithms);
  });
}

test('a token without a key id is tried with the only key of its algorithm, and with none of several', () => {
  const one = readKeySet(JSON.stringify({ keys: [strong, ec] }));
  assert.equal(candidatesOf(one, null, 'RS256').length, 1);
  const two = readKeySet(JSON.stringify({ keys: [strong, { ...strong, kid: 'b' }] }));
  assert.equal(candidatesOf(two, null, 'RS256').length, 0);
});

const recorded = (name: string) => readFileSync(new URL(`recorded/${name}`, import.meta.url), 'utf8');
const cluster = issuerOf(`
issuers: { k: { preset: kubernetes, issuer: "https://127.0.0.1:20610", audience: "https://registry.example.com", jwks_file: k.json } }
rules: []`);
const verifyRecorded = async (name: string, now: number) => {
  const token = readUnverified(recorded(name).trim());
  const keys = candidatesOf(readKeySet(recorded('jwks.json')), token.kid, token.algorithm);
  return verifyToken(token, cluster, keys, now);
};

test('tokens of a real API server are verified, without typ and jti and with a list of one audience', async () => {
  for (const name of ['service-account.jwt', 'bound-to-pod.jwt']) {
    const { claims, jti } = await verifyRecorded(name, 1_795_982_800_000);
    assert.equal(claims['sub'], 'system:serviceaccount:shop:puller');
    assert.equal(jti, null);
  }
});

test('tokens of a real API server are refused for another audience, and after their end', async () => {
  const refused = (reason: string) => (error: unknown) => error instanceof WorkloadRefusal && error.reason === reason;
  await assert.rejects(verifyRecorded('other-audience.jwt', 1_795_982_800_000), refused('audience'));
  await assert.rejects(verifyRecorded('service-account.jwt', 1_795_990_000_000), refused('expired'));
});
