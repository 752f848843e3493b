/** The limits of a call to a provider: how many at once, how long, how much. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { isNoAnswer, limitFetch } from '../../src/sign-in/provider-fetch.ts';

/** A provider that answers when it is told to. */
function createProvider() {
  const asked: (() => void)[] = [];
  const fetch = (_url: string, { signal }: RequestInit) =>
    new Promise<Response>((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason));
      asked.push(() => resolve(new Response('yes')));
    });
  return { fetch, asked };
}

test('of a crowd that calls at once, 32 are under way and the others wait for their turn', async () => {
  const { fetch, asked } = createProvider();
  const call = limitFetch(fetch);
  const answers = Array.from({ length: 100 }, () => call('https://a.example.com', {}));
  for (const under of [32, 33, 34]) {
    await turn();
    assert.equal(asked.length, under);
    asked[under - 32]?.();
  }
  while (asked.length < 100) {
    for (const answer of asked) answer();
    await turn();
  }
  for (const answer of asked) answer();
  assert.ok((await Promise.all(answers)).every(({ status }) => status === 200));
});

test('a call that fails gives its place on', async () => {
  let calls = 0;
  const call = limitFetch(async () => {
    calls += 1;
    throw new TypeError('fetch failed');
  });
  const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => call('https://a.example.com', {})));
  assert.ok(outcomes.every((outcome) => outcome.status === 'rejected' && isNoAnswer(outcome.reason)));
  assert.equal(calls, 100);
});

test('who waits for too long is told that nobody answers; the others keep their turn', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { fetch, asked } = createProvider();
  const call = limitFetch(fetch);
  const under = Array.from({ length: 32 }, () => call('https://a.example.com', {}));
  const late = call('https://a.example.com', {});
  t.mock.timers.tick(20_000);
  await assert.rejects(late, isNoAnswer);
  for (const answer of asked) answer();
  await Promise.all(under);
  const next = call('https://a.example.com', {});
  await turn();
  assert.equal(asked.length, 33);
  asked[32]?.();
  assert.equal((await next).status, 200);
});
