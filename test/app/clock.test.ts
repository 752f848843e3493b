/** A clock that differs from the database's is reported: once in the log, and in the warnings until it's right again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClockWatch } from '../../src/app/clock.ts';
import { collectLog } from '../support/collected-log.ts';

const start = Date.UTC(2026, 10, 23, 9);

test('a difference of 20 seconds or more is a warning, in either direction, until it is gone', async () => {
  const { log, lines } = collectLog();
  const database = { at: start };
  const watch = createClockWatch({ check: async () => database.at }, log, () => start);
  for (const [seconds, expected] of [
    [0, /^$/],
    [19, /^$/],
    [20, /this machine is 20 seconds behind the database's/],
    [600, /600 seconds behind/],
    [-600, /600 seconds ahead of the database's.*NTP/],
    [0, /^$/],
  ] as const) {
    database.at = start + seconds * 1_000;
    await watch.look();
    assert.match(watch.warnings().join(), expected);
  }
  assert.equal(lines.length, 1);
});

test('a slow answer is no difference, and one that fails changes nothing', async () => {
  const { log } = collectLog();
  const times = [start, start + 90_000];
  const slow = createClockWatch({ check: async () => start + 45_000 }, log, () => times.shift() ?? 0);
  await slow.look();
  assert.deepEqual(slow.warnings(), []);

  let answer: () => Promise<number | null> = async () => start + 60_000;
  const watch = createClockWatch({ check: () => answer() }, log, () => start);
  await watch.look();
  answer = () => Promise.reject(new Error('away'));
  await watch.look();
  assert.equal(watch.warnings().length, 1);
  const own = createClockWatch({ check: async () => null }, log, () => start);
  await own.look();
  assert.deepEqual(own.warnings(), []);
});
