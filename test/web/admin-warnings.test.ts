/** What an operator should do soon stands where administrators arrive. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import express from 'express';
import { createOverview, type OverviewParts } from '../../src/web/admin/overview.ts';
import { createViews } from '../../src/web/views.ts';

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
  } satisfies OverviewParts;
  const server = express().get('/admin', createOverview(parts)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const get = async () => (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/admin`)).text();
  assert.match(await get(), /notice warning[\s\S]*expires on 2036-11-20\. Run &lt;b&gt;dockpass/);
  warnings = [];
  assert.doesNotMatch(await get(), /notice warning/);
});
