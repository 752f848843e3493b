/** That what waits for the database survives its absence, within bounds, and never holds up an end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RejectedData } from '../../src/lib/errors.ts';
import { createWriteBehind, type Unstored } from '../../src/lib/write-behind.ts';
import { databaseUnavailable } from '../../src/store/sql.ts';

/** A database that can be away, and takes no entry with a `!` in it. */
function createScene(maximum = 3, atOnce?: number, rest?: number) {
  const stored: (readonly string[])[] = [];
  const told: Unstored[] = [];
  const database = { away: false, failure: null as Error | null, calls: 0, failsAt: 0 };
  const writing = createWriteBehind<string>({
    async write(entries) {
      database.calls += 1;
      if (database.away || database.calls === database.failsAt) throw databaseUnavailable('away');
      if (database.failure !== null) throw database.failure;
      if (entries.some((entry) => entry.includes('!'))) throw new RejectedData('malformed');
      stored.push(entries);
    },
    merge: (earlier, later) => earlier + later,
    delay: 1_000_000,
    ...(atOnce !== undefined && { atOnce }),
    ...(rest !== undefined && { rest }),
    maximum,
    onError: (unstored) => told.push(unstored),
  });
  const fates = () => told.map(({ entries, fate }) => `${entries} ${fate}`);
  return { writing, stored, database, fates };
}

test('entries are written together, one a key, in the order of the keys', async () => {
  const { writing, stored } = createScene();
  for (const [key, entry] of ['b1', 'a2', 'b3']) writing.put(key ?? '', entry ?? '');
  await writing.flush();
  await writing.flush();
  assert.deepEqual(stored, [['2', '13']]);
});

test('many entries are written in pieces, in the order of the keys, with a turn for others in between', async () => {
  const { writing, stored, database } = createScene(10, 3);
  for (const key of 'gfedcba') writing.put(key, key);
  let turns = 0;
  const flushed = writing.flush();
  const turn = () => {
    turns += 1;
    if (stored.length < 3) setImmediate(turn);
  };
  setImmediate(turn);
  await flushed;
  assert.deepEqual(stored, [['a', 'b', 'c'], ['d', 'e', 'f'], ['g']]);
  assert.ok(turns >= 2, `${turns}`);
  assert.equal(database.calls, 3);
});

test('the end waits for no rest between pieces', async () => {
  const { writing, stored } = createScene(10, 1, 400_000);
  for (const key of 'abc') writing.put(key, key);
  const flushed = writing.flush();
  await writing.close();
  await flushed;
  assert.deepEqual(stored, [['a'], ['b'], ['c']]);
});

test('of many entries those that are stored already are not stored again', async () => {
  const { writing, stored, database } = createScene(10, 2);
  for (const key of 'abcde') writing.put(key, key);
  database.failsAt = 2;
  await writing.flush();
  assert.deepEqual(stored, [['a', 'b']]);
  await writing.flush();
  assert.deepEqual(stored, [['a', 'b'], ['c', 'd'], ['e']]);
});

test('what cannot be stored is kept, in its order with what came since', async () => {
  const { writing, stored, database, fates } = createScene();
  database.away = true;
  writing.put('a', '1');
  await writing.flush();
  writing.put('a', '2');
  database.away = false;
  await writing.flush();
  assert.deepEqual(stored, [['12']]);
  assert.deepEqual(fates(), ['1 kept']);
});

test('however many wait for what is stored, a database that is away is asked once for all of them', async () => {
  const { writing, stored, database } = createScene();
  database.away = true;
  writing.put('a', '1');
  await Promise.all(Array.from({ length: 40 }, () => writing.flush()));
  assert.equal(database.calls, 1);
  database.away = false;
  await writing.flush();
  assert.deepEqual(stored, [['1']]);
});

test('beyond the maximum the oldest are lost, which is reported with the next try', async () => {
  const { writing, stored, database, fates } = createScene(3);
  database.away = true;
  for (const key of 'abcde') writing.put(key, key);
  await writing.flush();
  assert.deepEqual(fates(), ['2 overflowed', '3 kept']);
  writing.put('f', 'f');
  database.away = false;
  await writing.flush();
  assert.deepEqual(stored, [['d', 'e', 'f']]);
  assert.deepEqual(fates(), ['2 overflowed', '3 kept', '1 overflowed']);
});

test('at the end it is tried once more, and then lost', async () => {
  const { writing, stored, database, fates } = createScene();
  database.away = true;
  writing.put('a', '1');
  await writing.flush();
  await writing.close();
  assert.deepEqual(fates(), ['1 kept', '1 lost']);
  database.away = false;
  await writing.flush();
  assert.deepEqual(stored, []);
});

test('an error that proves nothing of the entries is taken for the database’s: they wait', async () => {
  const { writing, stored, database, fates } = createScene();
  database.failure = new Error('canceling statement due to lock timeout');
  writing.put('a', '1');
  await writing.flush();
  database.failure = null;
  await writing.flush();
  assert.deepEqual(stored, [['1']]);
  assert.deepEqual(fates(), ['1 kept']);
});

test('one that cannot be stored holds up no other, before it or after', async () => {
  const { writing, stored, database, fates } = createScene(1_000);
  for (let count = 100; count < 200; count++) writing.put(`${count}`, count === 142 ? '!' : `${count}`);
  await writing.flush();
  assert.equal(stored.flat().length, 99);
  assert.deepEqual(fates(), ['1 dropped']);
  assert.ok(database.calls < 20, `${database.calls} calls`);
  writing.put('a', 'later');
  await writing.flush();
  assert.deepEqual(stored.at(-1), ['later']);
  assert.deepEqual(fates(), ['1 dropped']);
});

test('whichever cannot be stored, each other one is stored once, in the order of the keys', async () => {
  const entries = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z]{1,3}$/), fc.boolean()), {
    selector: ([key]) => key,
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(entries, async (some) => {
      const { writing, stored, fates } = createScene(1_000);
      for (const [key, isBad] of some) writing.put(key, isBad ? '!' : key);
      await writing.flush();
      const good = some.filter(([, isBad]) => !isBad).map(([key]) => key);
      assert.deepEqual(stored.flat(), good.sort());
      const bad = some.length - good.length;
      assert.deepEqual(fates(), bad === 0 ? [] : [`${bad} dropped`]);
    }),
  );
});

test('a database that goes away while halves are written keeps what is left, and loses none', async () => {
  const { writing, stored, database, fates } = createScene(1_000);
  for (const key of 'abcd') writing.put(key, key === 'b' ? '!' : key);
  const flushed = writing.flush();
  database.away = true;
  await flushed;
  assert.deepEqual(fates(), ['4 kept']);
  database.away = false;
  await writing.flush();
  assert.deepEqual(stored.flat(), ['a', 'c', 'd']);
  assert.deepEqual(fates(), ['4 kept', '1 dropped']);
});
