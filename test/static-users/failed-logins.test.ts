/** The limit on wrong passwords: what counts, for whom, for how long, and on every replica. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Refusal } from '../../src/lib/errors.ts';
import { networkOf } from '../../src/lib/network-of.ts';
import { createPepper } from '../../src/lib/secret.ts';
import { createFailedLogins } from '../../src/static-users/failed-logins.ts';
import { openStore } from '../../src/store/open.ts';
import { describeEngines } from '../support/engines.ts';

const minute = 60_000;
const limit = 3;
const start = Date.parse('2026-11-23T08:00:00Z');

async function open(t: TestContext, url?: string) {
  const folder = await mkdtemp(join(tmpdir(), 'dockpass-failures-'));
  const store = await openStore(url ?? `sqlite:${join(folder, 'dockpass.db')}`, () => {});
  t.after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  const clock = { now: start };
  const errors: unknown[] = [];
  const replica = () =>
    createFailedLogins({
      store: store.failedLogins,
      pepper: createPepper('a pepper for tests, of 32 characters'),
      limit,
      onError: (error) => errors.push(error),
      now: () => clock.now,
    });
  return { folder, store, clock, errors, replica };
}

type Limiter = ReturnType<Awaited<ReturnType<typeof open>>['replica']>;
const ana = { address: '192.0.2.1', username: 'ana' };

/** What became of a wrong password. */
function fail(limiter: Limiter, password: string, attempt = ana): 'counted' | number {
  try {
    limiter.countOrRefuse({ ...attempt, password });
    return 'counted';
  } catch (error) {
    assert.ok(error instanceof Refusal && error.code === 'too_many_requests');
    return error.retryAfter ?? Number.NaN;
  }
}

const mayTry = (limiter: Limiter, attempt = ana): boolean => limiter.guessing(attempt) === 'few';

test('different wrong passwords count, up to the limit, for ten minutes from the first', async (t) => {
  const { clock, replica } = await open(t);
  const limiter = replica();
  for (const password of ['a', 'b', 'c']) {
    assert.equal(mayTry(limiter), true);
    assert.equal(fail(limiter, password), 'counted');
    clock.now += minute;
  }
  assert.equal(mayTry(limiter), false);
  assert.equal(fail(limiter, 'd'), 420, 'seconds until the first is forgotten');
  clock.now = start + 10 * minute - 1;
  assert.equal(mayTry(limiter), false);
  clock.now += 1;
  assert.equal(mayTry(limiter), true);
  await limiter.flush();
});

test('far more than the limit is a flood, until the window is over', async (t) => {
  const { clock, replica } = await open(t);
  const limiter = replica();
  const guess = (count: number): void => {
    for (let index = 0; index < count; index++) fail(limiter, `${count} ${index}`);
  };
  guess(limit + 9_999);
  assert.equal(limiter.guessing(ana), 'many');
  guess(1);
  assert.equal(limiter.guessing(ana), 'flood');
  assert.equal(limiter.guessing({ ...ana, username: 'bo' }), 'few');
  clock.now += 10 * minute;
  guess(limit);
  assert.equal(limiter.guessing(ana), 'many');
  await limiter.flush();
});

test('the same wrong password counts once, however often it comes', async (t) => {
  const { replica } = await open(t);
  const limiter = replica();
  for (let count = 0; count < 50; count++) assert.equal(fail(limiter, 'old password of a CI job'), 'counted');
  assert.equal(mayTry(limiter), true);
  await limiter.flush();
});

test('nobody is locked out by somebody else', async (t) => {
  const { replica } = await open(t);
  const limiter = replica();
  for (const password of ['a', 'b', 'c', 'd']) fail(limiter, password);
  assert.equal(mayTry(limiter), false);
  assert.equal(mayTry(limiter, { ...ana, address: '192.0.2.2' }), true, 'the same name from elsewhere');
  assert.equal(mayTry(limiter, { ...ana, username: 'bo' }), true, 'another name from there');
  await limiter.flush();
});

test('whoever has an IPv6 network cannot go on from its other addresses', async (t) => {
  const { replica } = await open(t);
  const limiter = replica();
  for (const host of [1, 2, 3]) fail(limiter, `guess ${host}`, { ...ana, address: `2001:db8:1:2::${host}` });
  assert.equal(mayTry(limiter, { ...ana, address: '2001:db8:1:2::4' }), false);
  assert.equal(mayTry(limiter, { ...ana, address: '2001:db8:1:3::4' }), true);
  await limiter.flush();
});

test('an IPv6 network of one customer is one address', () => {
  const first = networkOf('2001:db8:1:2::1');
  for (const same of ['2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:0DB8:0001:0002:0:0:0:5', '2001:db8:1:2::']) {
    assert.equal(networkOf(same), first, same);
  }
  for (const other of ['2001:db8:1:3::1', '2001:db8::1', '::1', 'fe80::1%eth0'])
    assert.notEqual(networkOf(other), first, other);
  assert.equal(networkOf('::1'), '0:0:0:0::/64');
  assert.equal(networkOf('fe80::1%eth0'), 'fe80:0:0:0::/64');
  assert.equal(networkOf('192.0.2.1'), '192.0.2.1');
  assert.equal(networkOf(''), '');
});

test('a database that is away is told of, and this process goes on counting', async (t) => {
  const { folder, store, errors, replica } = await open(t);
  const limiter = replica();
  await store.close();
  for (const password of ['a', 'b', 'c']) assert.equal(fail(limiter, password), 'counted');
  await limiter.flush();
  assert.equal(errors.length, 1);
  assert.equal(mayTry(limiter), false);
  t.after(() => rm(folder, { recursive: true, force: true }));
});

test('neither names nor passwords can be read from the database', async (t) => {
  const { folder, replica } = await open(t);
  const limiter = replica();
  fail(limiter, 'Tr0ub4dor&3');
  await limiter.flush();
  const bytes = await Promise.all(['dockpass.db', 'dockpass.db-wal'].map((file) => readFile(join(folder, file))));
  for (const secret of ['Tr0ub4dor&3', '192.0.2.1']) assert.ok(!bytes.some((content) => content.includes(secret)));
});

describeEngines('wrong passwords on several replicas', (databases) => {
  test('count together, the same one once', async (t) => {
    const { clock, replica } = await open(t, await databases.create());
    const [one, other] = [replica(), replica()];
    for (const [limiter, password] of [
      [one, 'a'],
      [other, 'a'],
      [one, 'b'],
      [other, 'c'],
    ] as const) {
      assert.equal(fail(limiter, password), 'counted');
      await limiter.flush();
    }
    assert.equal(mayTry(other), false);
    assert.equal(typeof fail(one, 'd'), 'string', 'the first to hear of the limit is counted');
    await one.flush();
    assert.equal(mayTry(one), false);
    clock.now += 10 * minute;
    assert.equal(mayTry(one), true);
    assert.equal(fail(one, 'a'), 'counted');
    await one.flush();
    assert.equal(mayTry(one), true, 'what is old does not count again');
  });

  test('what is older than the window is cleared away', async (t) => {
    const { clock, store, replica } = await open(t, await databases.create());
    const limiter = replica();
    fail(limiter, 'a');
    await limiter.flush();
    clock.now += 10 * minute;
    fail(limiter, 'b');
    await limiter.flush();
    assert.equal(await store.failedLogins.removeBefore(clock.now), 1, 'the new one alone was there');
  });
});
