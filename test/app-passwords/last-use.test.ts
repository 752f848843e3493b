import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLastUses } from '../../src/app-passwords/last-use.ts';

const minute = 60_000;
const client = { address: '192.0.2.7', userAgent: 'docker/28.2.2', requestId: 'r1' };

type Use = { readonly id: string; readonly at: number; readonly address: string };

/** A store that keeps each transaction, fails while `broken`, and a clock that the test turns. */
function createScene() {
  const transactions: Use[][] = [];
  const errors: unknown[] = [];
  const state = { now: Date.UTC(2026, 10, 23), broken: false };
  const uses = createLastUses({
    store: {
      async recordUses(batch) {
        if (state.broken) throw new Error('the database is away');
        transactions.push([...batch]);
      },
    },
    onError: (error) => errors.push(error),
    now: () => state.now,
  });
  return { uses, transactions, errors, state };
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

test('a use that could not be written is told of, and the next one is written', async () => {
  const { uses, transactions, errors, state } = createScene();
  state.broken = true;
  uses.record('a', client);
  await uses.flush();
  assert.equal(errors.length, 1);
  state.broken = false;
  uses.record('a', { ...client, address: '192.0.2.8' });
  await uses.flush();
  assert.deepEqual(
    transactions.flat().map(({ address }) => address),
    ['192.0.2.8'],
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

test('a crowd is written in parts, and what does not fit is forgotten, the oldest first', async () => {
  const { uses, transactions } = createScene();
  for (let n = 0; n < 10_400; n++) uses.record(String(n), client);
  await uses.flush();
  assert.ok(transactions.every((batch) => batch.length <= 500));
  const ids = new Set(transactions.flat().map(({ id }) => id));
  assert.equal(ids.size, 10_000);
  assert.ok(!ids.has('399') && ids.has('400') && ids.has('10399'));
});
