/** That what waits for the database survives its absence, within bounds, and never holds up an end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWriteBehind, type Unstored } from '../src/write-behind.ts';

/** A database that can be away. */
function createScene(maximum = 3) {
  const stored: (readonly string[])[] = [];
  const told: Unstored[] = [];
  const database = { away: false };
  const writing = createWriteBehind<string>({
    async write(entries) {
      if (database.away) throw new Error('away');
      stored.push(entries);
    },
    merge: (earlier, later) => earlier + later,
    delay: 1_000_000,
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

test('beyond the maximum the oldest are lost', async () => {
  const { writing, stored, database } = createScene(3);
  database.away = true;
  for (const key of 'abcde') writing.put(key, key);
  await writing.flush();
  database.away = false;
  await writing.flush();
  assert.deepEqual(stored, [['c', 'd', 'e']]);
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
