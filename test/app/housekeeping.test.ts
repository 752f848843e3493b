/** That what is too old goes although something else can't, and that nothing of it outlives the service. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { createEnding } from '../../src/app/ending.ts';
import { type HousekeepingParts, startHousekeeping, tidy } from '../../src/app/housekeeping.ts';
import { openStore } from '../../src/store/open.ts';
import { databaseUnavailable } from '../../src/store/sql.ts';

const hour = 3_600_000;

async function createScene(t: TestContext) {
  const store = await openStore('sqlite::memory:', () => {});
  t.after(() => store.close());
  const warnings: object[] = [];
  const log = { info() {}, warn: (fields: object) => warnings.push(fields) };
  const retention = { auditRetention: hour, denialRetention: hour, activity: { retention: hour } };
  const parts: HousekeepingParts = { store, ...retention, log, now: () => 10 * hour };
  return { store, parts, warnings };
}

test('one removal that fails is logged and keeps no other', async (t) => {
  const { store, parts, warnings } = await createScene(t);
  await store.leases.put('old', 'x', 1);
  const denials = { ...store.denials, removeBefore: () => Promise.reject(databaseUnavailable('locked')) };
  await tidy({ ...parts, store: { ...store, denials } });
  assert.deepEqual(await store.leases.holders('old', 0), []);
  assert.deepEqual(
    warnings.map((fields) => 'what' in fields && fields.what),
    ['denials'],
  );
});

test('a run that takes longer than an hour is the only one, and a stop waits for it and begins nothing more', async (t) => {
  const { store, parts } = await createScene(t);
  t.mock.timers.enable({ apis: ['setInterval'] });
  const steps: string[] = [];
  const { promise: released, resolve: release } = Promise.withResolvers<number>();
  const audit = {
    ...store.audit,
    async removeBefore() {
      steps.push('audit');
      return released;
    },
  };
  const denials = { ...store.denials, removeBefore: async () => steps.push('denials') };
  const ending = createEnding();
  const settle = async () => void steps.push('settle');
  startHousekeeping({ ...parts, store: { ...store, audit, denials }, onRun: () => steps.push('hour'), settle }, ending);
  t.mock.timers.tick(hour);
  assert.deepEqual(steps, ['hour', 'audit', 'hour']);

  let hasEnded = false;
  const ended = ending.end().then(() => {
    hasEnded = true;
  });
  await yieldToOthers();
  assert.equal(hasEnded, false);
  release(0);
  await ended;
  t.mock.timers.tick(hour);
  assert.deepEqual(steps, ['hour', 'audit', 'hour']);
});
