/** That a stop waits for all parts together, and closes in order what they need. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { createEnding } from '../../src/app/ending.ts';

test('what takes its time is told, then all of it is waited for together, then the rest is closed, the last first', async () => {
  const ending = createEnding();
  const steps: string[] = [];
  ending.stopping.addEventListener('abort', () => steps.push('told'));
  const waiting = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  ending.defer(async () => void steps.push('database closed'));
  for (const [index, { promise }] of waiting.entries()) {
    ending.waitFor(async () => {
      steps.push(`part ${index} is asked`);
      await promise;
      steps.push(`part ${index} has ended`);
    });
  }
  ending.defer(async () => void steps.push('pages closed'));
  const ended = ending.end();
  // The first has all the time: it doesn't keep the second from being asked.
  waiting[1]?.resolve();
  await yieldToOthers();
  waiting[0]?.resolve();
  await ended;
  assert.deepEqual(steps, [
    ...['told', 'part 0 is asked', 'part 1 is asked', 'part 1 has ended', 'part 0 has ended'],
    ...['pages closed', 'database closed'],
  ]);
});

test('a part that fails keeps nothing open', async () => {
  const ending = createEnding();
  const broken = new Error('broken');
  let isClosed = false;
  ending.defer(async () => {
    isClosed = true;
  });
  ending.waitFor(() => Promise.reject(broken));
  await assert.rejects(ending.end(), broken);
  assert.ok(isClosed);
});
