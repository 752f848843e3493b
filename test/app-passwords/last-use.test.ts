import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLastUses } from '../../src/app-passwords/last-use.ts';
import type { Unstored } from '../../src/lib/write-behind.ts';
import { openSql, openStore } from '../../src/store/open.ts';
import { databaseUnavailable } from '../../src/store/sql.ts';
import { unaudited } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';
import { newPassword, signedIn } from '../support/rows.ts';

const minute = 60_000;
const client = { address: '192.0.2.7', userAgent: 'docker/28.2.2', requestId: 'r1' };

type Use = { readonly id: string; readonly at: number; readonly address: string };

/** A store that keeps each transaction, is away while `away`, and a clock that the test turns. */
function createScene() {
  const transactions: Use[][] = [];
  const told: Unstored[] = [];
  const state = { now: Date.UTC(2026, 10, 23), away: false };
  const uses = createLastUses({
    store: {
      async recordUses(batch) {
        if (state.away) throw databaseUnavailable('away');
        transactions.push([...batch]);
      },
    },
    onError: (unstored) => told.push(unstored),
    now: () => state.now,
  });
  return { uses, transactions, told, state };
}

test('uses of many passwords are one transaction, in the order of the ids', async () => {
  const { uses, transactions } = createScene();
  for (const id of ['b', 'c', 'a', 'b']) uses.record(id, client);
  await uses.flush();
  assert.deepEqual(
    transactions.map((batch) => batch.map(({ id }) => id)),
    [['a', 'b', 'c']],
  );
});

test('a password in use is written every five minutes', async () => {
  const { uses, transactions, state } = createScene();
  const start = state.now;
  for (let minutes = 0; minutes <= 10; minutes++) {
    state.now = start + minutes * minute;
    uses.record('a', client);
    await uses.flush();
  }
  assert.deepEqual(
    transactions.flat().map(({ at }) => (at - start) / minute),
    [0, 5, 10],
  );
});

test('a use that could not be written is reported, and written once the database is back, unless a later one was', async () => {
  const { uses, transactions, told, state } = createScene();
  state.away = true;
  uses.record('a', client);
  uses.record('b', client);
  await uses.flush();
  assert.deepEqual(
    told.map(({ entries, fate }) => [entries, fate]),
    [[2, 'kept']],
  );
  state.away = false;
  state.now += 5 * minute;
  uses.record('a', { ...client, address: '192.0.2.8' });
  await uses.flush();
  assert.deepEqual(
    transactions.flat().map(({ id, address }) => [id, address]),
    [
      ['a', '192.0.2.8'],
      ['b', '192.0.2.7'],
    ],
  );
});

test('a clock that was set back silences no password', async () => {
  const { uses, transactions, state } = createScene();
  uses.record('a', client);
  state.now -= 60 * minute;
  uses.record('a', client);
  await uses.flush();
  assert.equal(transactions.flat()[0]?.at, state.now);
});

test('a crowd is written in parts, and beyond the limit the oldest are dropped', async () => {
  const { uses, transactions } = createScene();
  for (let n = 0; n < 10_400; n++) uses.record(String(n), client);
  await uses.flush();
  assert.ok(transactions.every((batch) => batch.length <= 500));
  const ids = new Set(transactions.flat().map(({ id }) => id));
  assert.equal(ids.size, 10_000);
  assert.ok(!ids.has('399') && ids.has('400') && ids.has('10399'));
});

describeEngines('a last use that the database refuses', (databases) => {
  test('is dropped and reported, and the others are written', async () => {
    const url = await databases.create();
    const store = await openStore(url, () => {});
    const { id: accountId } = await store.accounts.signIn(signedIn({}));
    const ids = Array.from({ length: 40 }, (_, n) => `p${n + 10}`);
    for (const id of ids)
      await store.passwords.insert(newPassword(accountId, { id, hash: id, name: id }), 100, unaudited);
    const sql = await openSql(url, () => {});
    await sql.run('create unique index each_from_elsewhere on app_password (used_address)');
    const told: Unstored[] = [];
    const uses = createLastUses({
      store: store.passwords,
      onError: (unstored) => told.push(unstored),
      now: () => 1_000,
    });
    const addressOf = (id: string) => (id === 'p30' ? 'p11' : id);
    for (const id of ids) uses.record(id, { ...client, address: addressOf(id) });
    await uses.close();
    assert.deepEqual(
      told.map(({ entries, fate }) => [entries, fate]),
      [[1, 'dropped']],
    );
    const rows = await store.passwords.ofAccount(accountId);
    assert.deepEqual(
      rows.filter(({ used_address: address }) => address === null).map(({ id }) => id),
      ['p30'],
    );
    await Promise.all([sql.close(), store.close()]);
  });
});
