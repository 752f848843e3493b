/** The queue before costly work: turns, bounds, and who is sent away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from '../../src/lib/errors.ts';
import { createFairQueue } from '../../src/lib/fair-queue.ts';

/** A queue whose work ends when the test says so. */
function createQueue(ranks: Readonly<Record<string, number>> = {}) {
  const limits = { running: 1, waitingEach: 3, waiting: 6, what: 'passwords are being checked' };
  const inTurn = createFairQueue(limits, (network) => ranks[network] ?? 0);
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const ask = (network: string, what = network, name = ''): Promise<string> =>
    inTurn({ network, name }, () => {
      begun.push(what);
      return new Promise((resolve) => ends.push(() => resolve(what)));
    });
  const endOne = async (): Promise<void> => {
    ends.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { ask, begun, endOne };
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error) => (error instanceof Refusal ? error.code : error),
  );

test('whoever asks for much waits for those who ask for little', async () => {
  const { ask, begun, endOne } = createQueue();
  const all = [ask('a', 'a1'), ask('a', 'a2'), ask('a', 'a3'), ask('a', 'a4'), ask('b'), ask('c')];
  for (const _ of all) await endOne();
  assert.deepEqual(begun, ['a1', 'a2', 'b', 'c', 'a3', 'a4']);
  assert.deepEqual(await Promise.all(all), ['a1', 'a2', 'a3', 'a4', 'b', 'c']);
});

test('one who asks for too much is told so; others are not', async () => {
  const { ask, endOne } = createQueue();
  const asked = ['1', '2', '3', '4', '5'].map((name) => codeOf(ask('a', name)));
  const other = codeOf(ask('b'));
  for (let count = 0; count < 5; count++) await endOne();
  assert.deepEqual(await Promise.all(asked), ['done', 'done', 'done', 'done', 'too_many_requests']);
  assert.equal(await other, 'done');
});

test('where the queue is full, the longest line gives up its last place', async () => {
  const { ask, begun, endOne } = createQueue();
  const running = ask('x');
  const long = ['a1', 'a2', 'a3'].map((name) => codeOf(ask('a', name)));
  const others = ['b', 'c', 'd'].map((from) => codeOf(ask(from)));
  const newcomer = codeOf(ask('e'));
  for (let count = 0; count < 8; count++) await endOne();
  assert.deepEqual(await Promise.all(long), ['done', 'done', 'too_many_requests']);
  assert.deepEqual(await Promise.all([...others, newcomer]), ['done', 'done', 'done', 'done']);
  assert.equal(await running, 'x');
  assert.equal(begun.length, 7);
});

test('where everybody waits for as much, a newcomer is sent away', async () => {
  const { ask, endOne } = createQueue();
  const all = ['x', 'a', 'b', 'c', 'd', 'e', 'f'].map((from) => codeOf(ask(from)));
  assert.equal(await codeOf(ask('g')), 'unavailable');
  for (const _ of all) await endOne();
  assert.deepEqual(new Set(await Promise.all(all)), new Set(['done']));
});

test('within a network, names take turns, and the one that waits for most gives way', async () => {
  const { ask, begun, endOne } = createQueue();
  const flood = ['a1', 'a2', 'a3', 'a4'].map((what) => codeOf(ask('office', what, 'ana')));
  const other = codeOf(ask('office', 'b1', 'bo'));
  for (let count = 0; count < 5; count++) await endOne();
  assert.deepEqual(begun, ['a1', 'a2', 'b1', 'a3']);
  assert.deepEqual(await Promise.all(flood), ['done', 'done', 'done', 'too_many_requests']);
  assert.equal(await other, 'done');
});

test('the lowest rank goes first, and each fourth turn is for whoever waits longest', async () => {
  const { ask, begun, endOne } = createQueue({ a: 3, b: 3 });
  const all = [ask('x'), ask('a'), ask('b'), ask('c'), ask('d'), ask('e'), ask('f')];
  for (const _ of all) await endOne();
  assert.deepEqual(begun, ['x', 'c', 'd', 'a', 'e', 'f', 'b']);
  await Promise.all(all);
});

test('where the queue is full, the worst rank gives way to a better one, and to none that is as bad', async () => {
  const { ask, endOne } = createQueue({ a: 1, b: 1, c: 1, d: 1, e: 1, f: 2, g: 1 });
  const all = ['x', 'a', 'b', 'c', 'd', 'e', 'f'].map((network) => codeOf(ask(network)));
  const better = codeOf(ask('new'));
  assert.equal(await all[6], 'too_many_requests');
  assert.equal(await codeOf(ask('g')), 'unavailable');
  for (let count = 0; count < 8; count++) await endOne();
  assert.equal(await better, 'done');
});

test('work that fails makes room like any other', async () => {
  const inTurn = createFairQueue(
    { running: 1, waitingEach: 2, waiting: 2, what: 'passwords are being checked' },
    () => 0,
  );
  const from = { network: 'a', name: '' };
  const failed = inTurn(from, () => Promise.reject(new Error('broken')));
  const next = inTurn(from, async () => 'fine');
  await assert.rejects(failed, /broken/);
  assert.equal(await next, 'fine');
});
