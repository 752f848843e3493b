/** How far away a moment is said to be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTime } from '../../src/web/time-view.ts';

const now = Date.UTC(2026, 10, 23, 9, 28, 30);
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const cases: readonly [distance: number, words: string][] = [
  [-1, 'just now'],
  [0, 'just now'],
  [-59_999, 'just now'],
  [-minute, '1 minute ago'],
  [-119 * minute, '119 minutes ago'],
  [-2 * hour, '2 hours ago'],
  [-47 * hour, '47 hours ago'],
  [-2 * day, '2 days ago'],
  [-400 * day, '13 months ago'],
  [-730 * day, '2 years ago'],
  [1, 'in less than a minute'],
  [day, 'in 24 hours'],
  [2 * day - 1, 'in 48 hours'],
  [90 * day - minute, 'in 90 days'],
  [90 * day, 'in 90 days'],
];

for (const [distance, words] of cases) {
  test(`${distance} ms is "${words}"`, () => assert.equal(formatTime(now + distance, now).relative, words));
}

test('the absolute time is in UTC, and says so where it has a clock', () => {
  const moment = formatTime(now, now);
  assert.equal(moment.iso, '2026-11-23T09:28:30.000Z');
  assert.equal(moment.day, '23 Nov 2026');
  assert.equal(moment.minute, '23 Nov 2026, 09:28 UTC');
});
