import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRecentMarks } from '../../src/lib/recent-marks.ts';
import { createRepeatCache } from '../../src/lib/repeat-cache.ts';

const start = Date.UTC(2026, 11, 1);

test('a text has its mark for as long as the window', () => {
  const marks = createRecentMarks(2 ** 16, 1_000);
  assert.equal(marks.has('a', start), false);
  assert.equal(marks.has('a', start + 999), true);
  assert.equal(marks.has('a', start + 1_000), false);
  assert.equal(marks.has('a', start + 1_001), true);
});

test('a clock that was set back leaves no mark', () => {
  const marks = createRecentMarks(16, 1_000);
  marks.has('a', start);
  assert.equal(marks.has('a', start - 1), false);
});

test('texts that share a place take it from each other, and are never taken for each other', () => {
  const marks = createRecentMarks(1, 1_000);
  for (const text of ['', 'a', 'b', 'ab', 'ba', '\u{1f40b}', 'a'.repeat(300), 'a'.repeat(301)]) {
    assert.equal(marks.has(text, start), false, text);
    assert.equal(marks.has(text, start), true, text);
  }
});

test('keeps what comes a second time, until newer values take its place or it is cleared', () => {
  const cache = createRepeatCache<number>(2);
  cache.set('a', 1, start);
  assert.equal(cache.get('a'), undefined);
  cache.set('a', 2, start + 4_999);
  assert.equal(cache.get('a'), 2);
  for (const key of ['b', 'c']) for (const value of [1, 2]) cache.set(key, value, start);
  assert.deepEqual(['a', 'b', 'c'].map(cache.get), [undefined, 2, 2]);
  cache.clear();
  assert.equal(cache.get('c'), undefined);
});

test('does not keep what comes again after a while', () => {
  const cache = createRepeatCache<number>(2);
  for (const value of [1, 2, 3]) cache.set('a', value, start + value * 5_000);
  assert.equal(cache.get('a'), undefined);
});
