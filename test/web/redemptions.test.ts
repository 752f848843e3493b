/** Redeeming codes: one time on any replica, in turns, and not for a network that keeps failing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from '../../src/lib/errors.ts';
import { openStore } from '../../src/store/open.ts';
import { createRedemptions } from '../../src/web/redemptions.ts';
import type { PendingSignIn } from '../../src/web/sign-in-attempts.ts';
import { describeEngines } from '../support/engines.ts';

const begun = (state: string): PendingSignIn => ({
  provider: 'google',
  returnTo: '/',
  begunAt: 0,
  attempt: { state, nonce: 'n' },
  consent: false,
  login: false,
  fresh: false,
});

describeEngines('one callback', (databases) => {
  test('is redeemed one time, on whichever replica its copies arrive', async (t) => {
    const url = await databases.create();
    const stores = await Promise.all([openStore(url, () => {}), openStore(url, () => {})]);
    t.after(() => Promise.all(stores.map((store) => store.close())));
    const replicas = stores.map(({ seenTokens }) => createRedemptions({ seenTokens, now: () => 0 }));
    let redeemed = 0;
    const copies = Array.from({ length: 10 }, (_, index) =>
      replicas[index % 2]?.redeem('192.0.2.1', begun('s'), async () => ++redeemed),
    );
    assert.deepEqual(
      (await Promise.all(copies)).filter((result) => result !== null),
      [1],
    );
    assert.equal(redeemed, 1);
  });
});

const note = async () => true;

test('a network that failed fifty times is refused for ten minutes; others are not', async () => {
  const clock = { now: 0 };
  const { redeem } = createRedemptions({ seenTokens: { note }, now: () => clock.now });
  const fail = () => Promise.reject(new Refusal('bad_request', 'used already'));
  const codeOf = (address: string, work: () => Promise<unknown> = fail) =>
    redeem(address, begun('s'), work).then(
      () => 'done',
      (error: Refusal) => error.code,
    );
  for (let count = 0; count < 49; count++) assert.equal(await codeOf('192.0.2.1'), 'bad_request');
  // What the provider or the person's account is to blame for doesn't count.
  assert.equal(await codeOf('192.0.2.1', () => Promise.reject(new Refusal('unavailable', 'down'))), 'unavailable');
  assert.equal(await codeOf('192.0.2.1'), 'bad_request');
  assert.equal(await codeOf('192.0.2.1', assert.fail), 'too_many_requests');
  assert.equal(await codeOf('192.0.2.2', async () => {}), 'done');
  clock.now = 600_001;
  assert.equal(await codeOf('192.0.2.1', async () => {}), 'done');
});

test('a flood from one network leaves room: someone else redeems while it waits', async () => {
  const { redeem } = createRedemptions({ seenTokens: { note }, now: () => 0 });
  const hang = new Promise<never>(() => {});
  let running = 0;
  for (let count = 0; count < 500; count++) {
    void redeem('192.0.2.1', begun(`flood ${count}`), () => {
      running += 1;
      return hang;
    });
  }
  assert.equal(await redeem('198.51.100.7', begun('person'), async () => 'in'), 'in');
  assert.equal(running, 24);
});

test('a flood from many networks that have failed leaves room for those that have not', async () => {
  const { redeem } = createRedemptions({ seenTokens: { note }, now: () => 0 });
  const hang = new Promise<never>(() => {});
  const networks = Array.from({ length: 100 }, (_, index) => `192.0.2.${index}`);
  const fail = () => Promise.reject(new Refusal('bad_request', 'made up'));
  await Promise.all(networks.map((network) => redeem(network, begun(network), fail).catch(() => {})));
  let running = 0;
  for (const network of networks) {
    void redeem(network, begun(`again ${network}`), () => {
      running += 1;
      return hang;
    });
  }
  const others = Array.from({ length: 20 }, (_, index) => `198.51.100.${index}`);
  const people = await Promise.all(others.map((network) => redeem(network, begun(network), async () => 'in')));
  assert.deepEqual([new Set(people), running], [new Set(['in']), 24]);
});

test('after twenty seconds the page says to try again, and the code is not used up', async () => {
  const clock = { now: 0 };
  const { redeem } = createRedemptions({ seenTokens: { note }, now: () => clock.now });
  const ends: (() => void)[] = [];
  const slow = () => new Promise<void>((resolve) => ends.push(resolve));
  const first = Array.from({ length: 24 }, (_, index) => redeem('192.0.2.1', begun(`${index}`), slow));
  const late = redeem('192.0.2.1', begun('late'), assert.fail);
  await new Promise(setImmediate);
  clock.now = 20_001;
  for (const end of ends) end();
  await Promise.all(first);
  await assert.rejects(late, { code: 'unavailable', message: /Try again in a minute/ });
});
