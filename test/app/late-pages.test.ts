/** Pages are loaded once: for the first request, or by themselves; and a stop waits for what it finds loading. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createLatePages } from '../../src/app/late-pages.ts';

const page: RequestListener = (_request, response) => void response.end('a page');

/** Loads that the test ends: `loads` has one entry for each time that pages were loaded. */
function createLoads() {
  const loads: PromiseWithResolvers<RequestListener>[] = [];
  const load = () => {
    const begun = Promise.withResolvers<RequestListener>();
    loads.push(begun);
    return begun.promise;
  };
  return { loads, load };
}

async function listen(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server that says when it has been asked so many times. */
async function ask(t: TestContext, answer: RequestListener, times: number) {
  const asked = Promise.withResolvers<void>();
  let count = 0;
  const url = await listen(t, (request, response) => {
    answer(request, response);
    count += 1;
    if (count === times) asked.resolve();
  });
  const answers = Array.from({ length: times }, () => fetch(url).then((response) => response.text()));
  await asked.promise;
  return answers;
}

test('who asks before the pages are loaded waits for them, and they are loaded once', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { loads, load } = createLoads();
  const pages = createLatePages(load, new AbortController().signal);
  assert.equal(loads.length, 0, 'nothing is loaded before the first logins');
  const answers = await ask(t, pages.answer, 3);
  t.mock.timers.tick(60_000);
  assert.equal(loads.length, 1);
  loads[0]?.resolve(page);
  assert.deepEqual(await Promise.all(answers), ['a page', 'a page', 'a page']);
  await pages.loaded;
  assert.equal(loads.length, 1);
});

test('without a visitor they are loaded soon, and what is wrong with them comes out', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { loads, load } = createLoads();
  const pages = createLatePages(load, new AbortController().signal);
  t.mock.timers.tick(1_000);
  assert.equal(loads.length, 1);
  const [answer] = await ask(t, pages.answer, 1);
  loads[0]?.reject(new Error('a template is missing'));
  await assert.rejects(pages.loaded, /a template is missing/);
  await assert.rejects(answer ?? Promise.resolve(), 'no one waits for an answer that never comes');
});

test('a stop waits for what is loading, and lets nothing begin by itself', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { loads, load } = createLoads();
  const stopping = new AbortController();
  const pages = createLatePages(load, stopping.signal);
  stopping.abort();
  t.mock.timers.tick(60_000);
  assert.equal(loads.length, 0);
  await pages.ended();
  const [answer] = await ask(t, pages.answer, 1);
  let hasEnded = false;
  const ended = pages.ended().then(() => {
    hasEnded = true;
  });
  await new Promise(setImmediate);
  assert.equal(hasEnded, false);
  loads[0]?.resolve(page);
  await ended;
  assert.equal(await answer, 'a page');
});
