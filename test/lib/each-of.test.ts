/** A few items at the same time, and none after one that failed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eachOf } from '../../src/lib/each-of.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('every item, as many at the same time as are allowed', async () => {
  const done: number[] = [];
  let [running, most] = [0, 0];
  await eachOf([1, 2, 3, 4, 5], 2, async (item) => {
    running += 1;
    most = Math.max(most, running);
    await turn();
    running -= 1;
    done.push(item);
  });
  assert.deepEqual([done.sort(), most], [[1, 2, 3, 4, 5], 2]);
  await eachOf([], 2, () => assert.fail());
});

test('after a failure none is begun, and those that were begun have ended', async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const all = eachOf([1, 2, 3, 4, 5, 6], 3, async (item) => {
    begun.push(item);
    if (item === 2) throw new Error('two');
    await turn();
    ended.push(item);
    if (item === 3) throw new Error('three');
  });
  await assert.rejects(all, /^Error: two$/);
  assert.deepEqual(
    [begun, ended],
    [
      [1, 2, 3],
      [1, 3],
    ],
  );
});
