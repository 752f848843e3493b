/** Another sign-in is asked for where the last one is too old, and leads back to where one was. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import express from 'express';
import { requireFreshSignIn } from '../../src/web/fresh-sign-in.ts';
import { createViews } from '../../src/web/views.ts';

const state = { authenticatedAt: 0 as number | undefined, now: 0 };
const app = express();
const server = app.listen(0, '127.0.0.1');
let url = '';

before(async () => {
  const labelOf = (provider: string) => `The ${provider} of example.com`;
  const isProven = async () => false;
  const parts = {
    freshness: 900,
    labelOf,
    isProven,
    views: createViews({ prefix: '/dockpass', trial: null }),
    now: () => state.now,
  };
  app.use((request, _response, next) => {
    const { authenticatedAt } = state;
    // The session itself is new: that alone proves nothing.
    const user = { accountId: 'a', signedInAt: state.now, ...(authenticatedAt !== undefined && { authenticatedAt }) };
    Object.assign(request, { user: { provider: 'google', login: 'ana@example.com' }, session: { passport: { user } } });
    next();
  });
  app.all('/dockpass/admin/thing', requireFreshSignIn(parts), (_request, response) => void response.send('done'));
  app.all('/dockpass/admin/{*rest}', requireFreshSignIn(parts), (_request, response) => void response.send('done'));
  if (!server.listening) await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dockpass/admin/thing`;
});
after(() => server.close());

const ask = async (path: string, method: 'GET' | 'POST', age: number | null) => {
  state.now = 2_000_000;
  state.authenticatedAt = age === null ? undefined : state.now - age * 1000;
  const response = await fetch(url + path, { method });
  return { status: response.status, body: await response.text() };
};

test('a sign-in of 15 minutes is fresh, and an older one is not', async () => {
  assert.deepEqual(await ask('', 'POST', 900), { status: 200, body: 'done' });
  for (const age of [901, 86_400, -60, null]) {
    const { status, body } = await ask('', 'POST', age);
    assert.equal(status, 403, String(age));
    assert.match(body, /Nothing was done yet/);
    assert.doesNotMatch(body, /^done/);
  }
});

test('the page says why, and leads through the provider back to where one was', async () => {
  const { body } = await ask('?domain=example.org', 'GET', 1_000);
  assert.match(body, /can’t be older than 15 minutes/);
  assert.match(body, /href="\/dockpass\/admin">Not now/);
  assert.match(body, /Sign in with The google of example\.com/);
  assert.doesNotMatch(body, /Nothing was done yet/);
  const back = encodeURIComponent('/dockpass/admin/thing?domain=example.org');
  assert.ok(body.includes(`href="/dockpass/sign-in/google?return_to=${back}&amp;fresh=yes"`), body);
});

test('a request to an address that is not a page leads back to the page that it was sent from', async () => {
  const { body } = await ask('/../revocations/r1/undo', 'POST', 1_000);
  assert.ok(body.includes(`return_to=${encodeURIComponent('/dockpass/admin/revocations/r1')}&amp;fresh=yes`), body);
});
