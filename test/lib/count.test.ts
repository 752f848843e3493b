/** Counts in sentences. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countOf, wordFor } from '../../src/lib/count.ts';

test('one is singular, and every other number plural', () => {
  assert.deepEqual(
    [0, 1, 2].map((count) => countOf(count, 'key')),
    ['0 keys', '1 key', '2 keys'],
  );
  assert.deepEqual(
    [1, 2].map((count) => countOf(count, 'person', 'people')),
    ['1 person', '2 people'],
  );
  assert.deepEqual(
    [1, 2].map((count) => wordFor(count, 'works', 'work')),
    ['works', 'work'],
  );
});
