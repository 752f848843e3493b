/** What an operator should do soon, and how the installation is, is where administrators arrive. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import express from 'express';
import { operationsView } from '../../src/web/admin/operations-view.ts';
import { createOverview, type OverviewParts } from '../../src/web/admin/overview.ts';
import { createViews } from '../../src/web/views.ts';
import { signedIn } from '../support/rows.ts';
import { startHouse } from '../support/walk.ts';

test('a warning is at the top of the overview, as text, and gone when it no longer applies', async (t) => {
  let warnings = ['The certificate authority expires on 2036-11-20. Run <b>dockpass</b> key rotate --authority.'];
  const parts = {
    people: { list: async () => ({ people: [], total: 0, page: 1, pages: 1 }) },
    passwordLists: { soonDays: 14, idleDays: 90, count: async () => 0, page: () => assert.fail() },
    requests: { countOpen: async () => 0 },
    dailyCounts: { totals: async () => ({ logins: [], denials: [] }) },
    denials: async () => [],
    requesterOf: () => assert.fail(),
    views: createViews({ prefix: '', trial: null }),
    now: Date.now,
    warnings: async () => warnings,
    operations: async () => ({ keys: [], providers: [], oldestCheck: null, lastBackup: null, messages: null }),
  } satisfies OverviewParts;
  const server = express().get('/admin', createOverview(parts)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const get = async () => (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/admin`)).text();
  assert.match(await get(), /notice warning[\s\S]*expires on 2036-11-20\. Run &lt;b&gt;dockpass/);
  warnings = [
    '2 accounts are suspended. See /admin/people?state=unvouched',
    'robots: look under /admin/robots, then on',
  ];
  const linked = await get();
  assert.match(linked, /See <a href="\/admin\/people\?state=unvouched">the suspended accounts<\/a>/);
  assert.match(linked, /<p>Robots: look under <a href="\/admin\/robots">Robots<\/a>, then on/);
  warnings = [];
  assert.doesNotMatch(await get(), /notice warning/);
});

test('the overview says how the installation is: keys, account checks, the last backup', async (t) => {
  const house = await startHouse();
  t.after(() => house.stop());
  const person = signedIn({ id: 'root', subject: 'root', login: 'root@example.com', email: 'root@example.com' });
  const root = await house.core.store.accounts.signIn(person);
  const cookie = await house.cookieOf(root, Date.now());
  const body = await (await fetch(`${house.url}/admin`, { headers: { cookie } })).text();
  const facts = body.slice(body.indexOf('operations-title'));
  assert.match(facts, /Signing key<\/dt><dd>ES256, signs since .*Oldest account check<\/dt><dd>none yet/s);
  assert.match(facts, /Last backup<\/dt><dd>none with/);
  assert.doesNotMatch(facts, /Mail and webhooks/, 'nothing is sent');
});

test('the overview names a provider whose sign-in fails, and what waits to be sent', () => {
  const now = Date.UTC(2026, 10, 30, 9);
  const view = operationsView(
    {
      keys: [{ service: 'registry.example.com', algorithm: 'RS256', since: null }],
      providers: [{ label: 'Google', failsSince: now - 3_600_000 }],
      ...{ oldestCheck: now - 7_200_000, lastBackup: now - 60_000, messages: { waiting: 3, failed: 1 } },
    },
    now,
  );
  assert.equal(view.keys[0]?.name, 'Signing key of registry.example.com');
  assert.equal(view.providers[0]?.failsSince?.minute, '30 Nov 2026, 08:00 UTC');
  assert.equal(view.oldestCheck?.relative, '2 hours ago');
});
