/** When the service sweeps by itself, with a clock that is given. */
import assert from 'node:assert/strict';
import { mock, type TestContext, test } from 'node:test';
import { Refusal } from '../../src/lib/errors.ts';
import { createLog } from '../../src/lib/log.ts';
import { scheduleSweeps } from '../../src/off-boarding/schedule.ts';
import type { SweepReport } from '../../src/off-boarding/sweep.ts';

const minute = 60_000;
const report: SweepReport = { begunAt: 0, due: 0, people: [], stopped: null };

/** @param random from 0 to 1 */
function start(t: TestContext, random: number, sweep: () => Promise<SweepReport>) {
  mock.timers.enable({ apis: ['setTimeout'] });
  const stopping = new AbortController();
  t.after(() => {
    stopping.abort();
    mock.timers.reset();
  });
  let count = 0;
  const worker = scheduleSweeps(
    {
      sweep: (input) => {
        assert.deepEqual([input.dryRun, input.beyondLimit, input.age], [false, false, 7.5 * minute]);
        count++;
        return sweep();
      },
      ...{ groupsTtl: 15 * minute, log: createLog('silent'), random: () => random },
    },
    stopping.signal,
  );
  const pass = async (milliseconds: number): Promise<number> => {
    mock.timers.tick(milliseconds);
    await worker.ended();
    await new Promise(setImmediate);
    return count;
  };
  return { worker, stopping, pass };
}

test('soon after the start, then each third of the TTL, give or take a tenth', async (t) => {
  const { pass } = start(t, 1, async () => report);
  assert.equal(await pass(5_499), 0);
  assert.equal(await pass(1), 1);
  assert.equal(await pass(5.5 * minute - 1), 1);
  assert.equal(await pass(1), 2);
});

test('the pauses of two replicas differ', async (t) => {
  const { pass } = start(t, 0, async () => report);
  assert.equal(await pass(4_500), 1);
  assert.equal(await pass(4.5 * minute), 2);
});

test('a sweep of another replica and one that fails end nothing; what was stopped is warned of until it is over', async (t) => {
  const results = [
    () => Promise.reject(new Refusal('conflict', 'Another sweep is running.')),
    () => Promise.reject(new Error('the database is away')),
    async () => ({ ...report, stopped: 'google refuses Dockpass itself' }),
    async () => report,
  ];
  const { pass, worker } = start(t, 0.5, () => results.shift()?.() ?? Promise.resolve(report));
  await pass(5_000);
  for (const warnings of [[], ['off-boarding: google refuses Dockpass itself'], []]) {
    await pass(5 * minute);
    assert.deepEqual(worker.warnings(), warnings);
  }
});

test('one at a time: while a sweep runs, none begins, and stopping waits for it', async (t) => {
  const { promise, resolve } = Promise.withResolvers<SweepReport>();
  const { stopping, worker } = start(t, 0.5, () => promise);
  mock.timers.tick(60 * minute);
  stopping.abort();
  let ended = false;
  const waiting = worker.ended().then(() => {
    ended = true;
  });
  await new Promise(setImmediate);
  assert.equal(ended, false);
  resolve(report);
  await waiting;
});
