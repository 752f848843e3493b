/** Rotation: a key is published before it signs and kept until its last token has expired; replicas and registries agree. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import type { KeyRing } from '../../src/keys/key-ring.ts';
import type { RingSettings } from '../../src/keys/keys.ts';
import { type KeyFacts, nextStep, type RotationRule, signingKey } from '../../src/keys/rotation.ts';
import { createKeyPlace, unrecorded } from '../support/key-place.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
const rule: RotationRule = { algorithm: 'ES256', age: 90 * day, tokenLife: 15 * minute, byFile: false };
const start = Date.parse('2026-11-23T08:00:00Z');

async function open(t: TestContext, changes: { rotation?: number | null } = {}) {
  const place = await createKeyPlace();
  t.after(() => place.close());
  const clock = { now: start };
  const rings = [{ ...place.settings, ...changes }];
  const replica = async () => (await place.open({ rings, now: () => clock.now })).ring('');
  return { place, clock, rings, ring: await replica(), replica };
}

const kidOf = (jwt: string) => decodeProtectedHeader(jwt).kid ?? '';
const statesOf = (ring: { list(): { state: string }[] }) => ring.list().map(({ state }) => state);

test('by hand: the waiting key takes over after the notice, and another waits', async (t) => {
  const { clock, ring } = await open(t);
  const waiting = ring.list().find(({ state }) => state === 'waiting');
  clock.now += day;
  const before = kidOf(await ring.signer('x5c').sign({}));
  const from = await ring.rotate(false, unrecorded);
  assert.equal(from, clock.now + 2 * minute);
  assert.deepEqual(statesOf(ring), ['authority', 'signing', 'scheduled', 'waiting']);
  assert.equal(kidOf(await ring.signer('x5c').sign({})), before);
  clock.now = from;
  assert.equal(kidOf(await ring.signer('x5c').sign({})), waiting?.id);
  assert.deepEqual(statesOf(ring), ['authority', 'retired', 'signing', 'waiting']);
});

test('by hand, right after the first start: the key is published for ten minutes before it signs', async (t) => {
  const { clock, ring } = await open(t);
  clock.now += 3 * minute;
  assert.equal(await ring.rotate(false, unrecorded), start + 10 * minute);
  await assert.rejects(ring.rotate(false, unrecorded), /rotation is under way: key 3 signs from 2026-11-23T08:10:00/);
  assert.equal(await ring.rotate(true, unrecorded), clock.now, 'unless it is urgent');
  assert.deepEqual(statesOf(ring), ['authority', 'retired', 'signing', 'waiting']);
});

test('by hand, at two replicas at the same moment: only one says that it did', async (t) => {
  const { place, ring, rings, clock } = await open(t);
  const { signingKeys } = place.store;
  // The other one rotates between this one's look and its change.
  const late = {
    ...signingKeys,
    async schedule(...change: Parameters<typeof signingKeys.schedule>) {
      await ring.rotate(true, unrecorded);
      return signingKeys.schedule(...change);
    },
  };
  const other = (await place.open({ rings, store: late, now: () => clock.now })).ring('');
  await assert.rejects(other.rotate(true, unrecorded), /The keys changed just now. Try again/);
  await other.refresh();
  assert.deepEqual(statesOf(other), ['authority', 'retired', 'signing', 'waiting']);
});

test('by age, without anybody; the old key stays until its last token has expired', async (t) => {
  const { clock, ring } = await open(t, { rotation: 86_400 });
  const token = async () => ring.signer('kid').sign({ exp: Math.floor(clock.now / 1000) + 900 });
  const verify = (jwt: string) =>
    jwtVerify(jwt, createLocalJWKSet(ring.jwks() as JSONWebKeySet), { currentDate: new Date(clock.now) });
  clock.now += day - minute;
  await ring.refresh();
  assert.deepEqual(statesOf(ring), ['authority', 'signing', 'waiting']);
  clock.now += minute;
  await ring.refresh();
  assert.deepEqual(statesOf(ring), ['authority', 'signing', 'scheduled', 'waiting']);
  clock.now += 2 * minute - 1;
  const last = await token();
  clock.now += 1;
  assert.notEqual(kidOf(await token()), kidOf(last));
  clock.now += 15 * minute - 2_000;
  await ring.refresh();
  await verify(last);
  assert.deepEqual(statesOf(ring), ['authority', 'retired', 'signing', 'waiting']);
  clock.now += 10 * minute;
  await ring.refresh();
  assert.deepEqual(statesOf(ring), ['authority', 'signing', 'waiting']);
});

test('two replicas: what one schedules the other takes over, and both change at the same moment', async (t) => {
  const { clock, ring, replica } = await open(t);
  const other = await replica();
  clock.now += day;
  const from = await ring.rotate(false, unrecorded);
  await other.refresh();
  for (const at of [from - 1, from, from + minute]) {
    clock.now = at;
    const kids = await Promise.all([ring, other].map(async (one) => kidOf(await one.signer('x5c').sign({}))));
    assert.equal(kids[0], kids[1]);
    for (const one of [ring, other])
      await jwtVerify(await ring.signer('kid').sign({}), createLocalJWKSet(one.jwks() as JSONWebKeySet));
  }
  clock.now += 91 * day;
  await Promise.all([ring.refresh(), other.refresh()]);
  await Promise.all([ring.refresh(), other.refresh()]);
  assert.deepEqual(other.list(), ring.list());
});

test('another algorithm counts for the next key, which takes over once it was published', async (t) => {
  const { place, clock, ring, rings } = await open(t);
  const changed = rings.map((settings) => ({ ...settings, algorithm: 'RS256' as const }));
  const rsa = (await place.open({ rings: changed, now: () => clock.now })).ring('');
  assert.deepEqual(
    rsa.list().map(({ state, algorithm }) => `${state} ${algorithm}`),
    ['authority ES256', 'signing ES256', 'scheduled RS256', 'waiting RS256'],
  );
  clock.now += 10 * minute - 1;
  assert.equal(decodeProtectedHeader(await rsa.signer('x5c').sign({})).alg, 'ES256');
  clock.now += 1;
  assert.equal(decodeProtectedHeader(await rsa.signer('x5c').sign({})).alg, 'RS256');
  await ring.refresh();
  assert.equal(decodeProtectedHeader(await ring.signer('x5c').sign({})).alg, 'RS256');
});

test('another algorithm waits for the operator where registries go by a file', async (t) => {
  const { place, clock, rings } = await open(t);
  const openWith = async (changes: Partial<RingSettings>) => {
    const [settings = place.settings] = rings;
    const changed = [{ ...settings, rotation: null, headers: ['kid'] as const, ...changes }];
    return (await place.open({ rings: changed, now: () => clock.now })).ring('');
  };
  const algorithmOf = async (ring: KeyRing) => decodeProtectedHeader(await ring.signer('kid').sign({})).alg;
  assert.deepEqual((await openWith({})).warnings(), []);
  const ring = await openWith({ algorithm: 'RS256' });
  clock.now += 30 * day;
  await ring.refresh();
  assert.deepEqual(statesOf(ring), ['authority', 'signing', 'waiting']);
  assert.equal(await algorithmOf(ring), 'ES256');
  assert.match(ring.warnings().join(), /Copy .*jwks\.json to them, restart them, then run `dockpass key rotate --yes`/);
  const file = createLocalJWKSet(ring.jwks() as JSONWebKeySet);
  const from = await ring.rotate(false, unrecorded);
  assert.deepEqual(ring.warnings(), []);
  clock.now = from;
  assert.equal(await algorithmOf(ring), 'RS256');
  await jwtVerify(await ring.signer('kid').sign({}), file);
  assert.deepEqual(ring.warnings(), []);
});

test('a registry that goes by a file has the whole age for a new one, also after the algorithm changed', () => {
  const byFile = { ...rule, algorithm: 'RS256', byFile: true } as const;
  const facts = { issuer: 1, algorithm: 'ES256', createdAt: start, signsFrom: start } as const;
  const keys: KeyFacts[] = [
    { ...facts, number: 1, issuer: null, signsFrom: null },
    { ...facts, number: 2 },
    { ...facts, number: 3, algorithm: 'RS256', createdAt: start + 89 * day, signsFrom: null },
  ];
  assert.equal(nextStep(keys, byFile, start + 179 * day - 1), null);
  assert.equal(nextStep(keys, byFile, start + 179 * day)?.kind, 'schedule');
  assert.equal(nextStep(keys, { ...byFile, byFile: false }, start + 89 * day)?.kind, 'schedule');
});

test('a new authority: trusted at once, used only after somebody said that the registries know it', async (t) => {
  const { clock, ring } = await open(t, { rotation: 86_400 });
  const oldBundle = ring.bundle();
  await ring.addAuthority(unrecorded);
  assert.deepEqual(statesOf(ring), ['authority', 'signing', 'authority', 'waiting']);
  assert.ok(ring.bundle().startsWith(oldBundle) && ring.bundle().length > oldBundle.length, 'both are in the bundle');
  assert.match(ring.warnings().join(), /new certificate authority waits/);
  await assert.rejects(ring.addAuthority(unrecorded), /authority waits to be used.*Only then/s);
  clock.now += 30 * day;
  await ring.refresh();
  assert.deepEqual(statesOf(ring), ['authority', 'signing', 'authority', 'waiting'], 'not by age');
  clock.now = await ring.rotate(false, unrecorded);
  await ring.refresh();
  assert.deepEqual(ring.warnings(), []);
  clock.now += 30 * minute;
  await ring.refresh();
  assert.deepEqual(statesOf(ring), ['authority', 'signing', 'waiting']);
  assert.ok(!ring.bundle().startsWith(oldBundle), 'the old one is gone with the last key that it certified');
});

/** Lives as the rule says for `days`, looked at now and then, and tells of each look. */
function simulate(looks: readonly number[], tell: (keys: readonly KeyFacts[], now: number) => void): void {
  let keys: readonly KeyFacts[] = [];
  let now = start;
  for (const wait of looks) {
    now += wait;
    for (let step = nextStep(keys, rule, now); step !== null; step = nextStep(keys, rule, now)) {
      const { number } = step;
      if (step.kind === 'remove') keys = keys.filter((key) => key.number !== number);
      if (step.kind === 'schedule') {
        const { signsFrom } = step;
        keys = keys.map((key) => (key.number === number ? { ...key, signsFrom } : key));
      }
      if (step.kind === 'add authority') {
        keys = [...keys, { number, issuer: null, algorithm: 'ES256', createdAt: now, signsFrom: null }];
      }
      if (step.kind === 'add leaf') keys = [...keys, { ...step, createdAt: now }];
    }
    tell(keys, now);
  }
}

test('whenever it is looked after: no key signs before it was published, none goes before its tokens', () => {
  const looks = fc.array(fc.oneof(fc.constant(30_000), fc.integer({ min: 1, max: 100 * day })), { maxLength: 60 });
  fc.assert(
    fc.property(looks, (waits) => {
      const published = new Map<number, number>();
      const signed = new Map<number, number>();
      let before: readonly KeyFacts[] = [];
      simulate([0, ...waits], (keys, now) => {
        const signing = signingKey(keys, now);
        assert.ok(signing);
        for (const key of keys) if (!published.has(key.number)) published.set(key.number, now);
        const first = signing.signsFrom === start;
        assert.ok(first || now - (published.get(signing.number) ?? now) >= 10 * minute, 'published before it signs');
        for (const gone of before.filter(
          (key) => !keys.includes(key) && !keys.some(({ number }) => number === key.number),
        )) {
          const successor = before.find((key) => (key.signsFrom ?? 0) > (gone.signsFrom ?? 0));
          assert.ok((successor?.signsFrom ?? now) + rule.tokenLife < now, 'kept until its last token has expired');
        }
        signed.set(signing.number, now);
        before = keys;
      });
    }),
    { numRuns: 200 },
  );
});
