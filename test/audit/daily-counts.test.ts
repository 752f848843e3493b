/** Logins and denials by day: zeros, gaps, passwords that go, a database that is away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDailyCounts } from '../../src/audit/daily-counts.ts';
import { anonymous, type Identity } from '../../src/identity/identity.ts';
import type { DailyCount } from '../../src/store/daily-counts.ts';
import { day, input, withScene } from '../support/administration-scene.ts';
import { describeEngines } from '../support/engines.ts';

describeEngines('counts by day', (databases) => {
  test('tell a day without logins from one on which Dockpass did not run, and go with what they are of', () =>
    withScene(databases, async ({ store, clock, passwords, addPerson, people }) => {
      const ana = await addPerson('ana');
      const by = { actor: ana.login, client: null };
      const { password } = await passwords.issue({ id: ana.id, login: ana.login, kind: 'person' }, input, by);
      const identity: Identity = {
        ...{ ...anonymous, kind: 'person', account: ana.login, accountId: ana.id },
        credential: { id: password.id, name: password.name },
      };
      const counts = createDailyCounts({ store: store.dailyCounts, onError: assert.ifError, now: () => clock.at });
      counts.login(identity);
      counts.login(identity);
      counts.login({ ...identity, credential: null });
      counts.login(anonymous);
      counts.denied();
      clock.at += 2 * day;
      counts.running();
      clock.at += day;
      counts.login(identity);
      const valuesOf = (days: readonly { count: number | null }[]) => days.map(({ count }) => count);
      const { logins, denials } = await counts.totals(5);
      assert.deepEqual(valuesOf(logins), [null, 3, null, 0, 1]);
      assert.deepEqual(valuesOf(denials), [null, 1, null, 0, 0]);
      assert.equal(logins.at(-1)?.at, clock.at - (clock.at % day));
      const ofEach = await counts.ofPasswords([password.id, 'another'], 5);
      assert.deepEqual(valuesOf(ofEach.get(password.id) ?? []), [null, 2, null, 0, 1]);
      assert.deepEqual(valuesOf(ofEach.get('another') ?? []), [null, 0, null, 0, 0]);

      await people.remove(ana.id, { actor: 'root@example.com', client: null });
      counts.login(identity);
      assert.deepEqual(valuesOf((await counts.totals(1)).logins), [2], 'the total counts without the password');
      assert.deepEqual(valuesOf((await counts.ofPasswords([password.id], 1)).get(password.id) ?? []), [0]);

      assert.equal(await store.dailyCounts.removeBefore(Math.floor(clock.at / day), 100), 2);
      assert.deepEqual(valuesOf((await counts.totals(5)).logins), [null, null, null, null, 2]);
      await counts.close();
    }));

  test('are merged, so that a minute of logins is a row for each password and one for all', async () => {
    const written: (readonly DailyCount[])[] = [];
    const store = {
      add: async (counts: readonly DailyCount[]) => void written.push(counts),
      totalsSince: async () => [],
      ofPasswordsSince: async () => [],
      removeBefore: async () => 0,
    };
    const counts = createDailyCounts({ store, onError: assert.ifError, now: () => 5 * day });
    const identity: Identity = { ...anonymous, account: 'a', credential: { id: 'p1', name: 'laptop' } };
    for (let count = 0; count < 1_000; count++) counts.login(identity);
    await counts.close();
    assert.deepEqual(written.flat(), [
      { day: 5, logins: 1_000, denials: 0, passwordId: null },
      { day: 5, logins: 1_000, denials: 0, passwordId: 'p1' },
    ]);
  });
});
