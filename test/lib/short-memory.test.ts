import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createShortMemory } from '../../src/lib/short-memory.ts';

test('what was kept is there, and forgotten together after five seconds', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const memory = createShortMemory<string, number>();
  memory.set('a', 1);
  t.mock.timers.tick(4_999);
  memory.set('b', 2);
  assert.deepEqual([memory.get('a'), memory.get('b'), memory.get('c')], [1, 2, undefined]);
  t.mock.timers.tick(1);
  assert.deepEqual([memory.get('a'), memory.get('b')], [undefined, undefined]);
  memory.set('b', 3);
  t.mock.timers.tick(4_999);
  assert.equal(memory.get('b'), 3);
  t.mock.timers.tick(1);
  assert.equal(memory.get('b'), undefined);
});

test('however many keys there are, it holds a thousand', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const memory = createShortMemory<number, number>();
  for (let key = 0; key <= 10_000; key++) memory.set(key, key);
  const kept = Array.from({ length: 10_001 }, (_, key) => memory.get(key)).filter((value) => value !== undefined);
  assert.ok(kept.length <= 1_000);
  assert.equal(memory.get(10_000), 10_000);
});
