/** Charts by day: a day without pulls is a zero, and a day without any event is a gap, in the bars and in the table. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { daysOf, firstDayOf } from '../../src/repositories/days.ts';
import { chartOf } from '../../src/web/activity-chart.ts';

const now = Date.UTC(2026, 10, 30, 12);
const first = firstDayOf(now);
const row = (ago: number, count: number, action: 'pull' | 'push' = 'pull') => ({
  day: first + 29 - ago,
  action,
  count,
});

const own = [row(0, 3), row(2, 1), row(2, 5, 'push')];
const all = [...own, row(1, 9), row(4, 1, 'push')];

test('a day without pulls is a zero, and a day on which nothing arrived is a gap', () => {
  const days = daysOf(own, all, 'pull', now);
  assert.equal(days.length, 30);
  assert.equal(days[0]?.at, Date.UTC(2026, 10, 1));
  assert.deepEqual(
    days.slice(-6).map(({ count }) => count),
    [null, 0, null, 1, 0, 3],
  );
});

test('the chart and its table say the same', () => {
  const chart = chartOf('Pulls', ['pull', 'pulls'], daysOf(own, all, 'pull', now));
  assert.equal(chart.summary, '4 pulls in 30 days, most on 30 Nov 2026');
  assert.deepEqual(chart.rows.at(-1), { day: '30 Nov 2026', count: '3' });
  assert.deepEqual(chart.rows.at(-4), { day: '27 Nov 2026', count: 'unknown' });
  assert.deepEqual(
    chart.bars.slice(-4).map(({ height, isGap }) => [height, isGap]),
    [
      [0, true],
      [16, false],
      [0, false],
      [48, false],
    ],
  );
  assert.equal(
    chartOf('Pulls', ['pull', 'pulls'], daysOf([row(0, 1)], all, 'pull', now)).summary.slice(0, 6),
    '1 pull',
  );
});
