/** The administrators' page of repositories: nothing is called unused before events have arrived for 90 days. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import express from 'express';
import type { RegistryStatus } from '../../src/repositories/status.ts';
import { createAdminRepositoryPages } from '../../src/web/admin/repositories.ts';
import { createWhoCanPage } from '../../src/web/admin/who-can.ts';
import { createViews } from '../../src/web/views.ts';
import { withServer } from '../support/listening.ts';

const day = 86_400_000;
const now = Date.UTC(2026, 10, 30, 12);
const service = { name: 'registry.example.com', registryHost: 'registry.example.com' };

/** The page without its markup. @param changes of a registry whose events arrive since 100 days */
async function pageOf(changes: Partial<RegistryStatus>): Promise<string> {
  const status: RegistryStatus = {
    ...{ service: service.name, takesEvents: true, isReadable: true, canTellUnused: true, sync: null },
    ...{ firstAt: now - 100 * day, lastAt: now - 60_000, gaps: [], notifications: 'notifications: {}' },
    ...changes,
  };
  const never = { name: 'old/thing', size: null, pushedAt: null, firstSeenAt: now - 99 * day };
  const pages = createAdminRepositoryPages({
    views: createViews({ prefix: '', trial: null }),
    requesterOf: () => ({ address: '', userAgent: '', requestId: '' }),
    now: () => now,
    services: [service],
    statuses: async () => [status],
    overviewOf: async () => ({ total: 1, largest: [], busiest: [], programs: [], pulls: [], pushes: [] }),
    neverPulledOf: async () => ({ rows: [never], total: 1, page: 1, pages: 1 }),
    startSync: async () => {},
  });
  let text = '';
  await withServer(express().get('/', pages.show), async (url) => {
    text = await (await fetch(url)).text();
  });
  return text.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
}

test('what nobody has pulled, since when that is known, and what it doesn’t mean', async () => {
  const text = await pageOf({});
  assert.match(text, /Never pulled: 1 since the first event, 22 Aug 2026/);
  assert.match(text, /old\/thing unknown/);
  assert.match(text, /A node that has an image in its cache doesn’t pull it/);
  assert.doesNotMatch(text, /delete/i);
});

test('nothing before 90 days, nor without events', async () => {
  const early = await pageOf({ canTellUnused: false, firstAt: now - 10 * day });
  assert.match(early, /Events haven’t arrived for 90 days yet\. This list starts on 18 Feb 2027/);
  const silent = await pageOf({ canTellUnused: false, firstAt: null, lastAt: null });
  assert.match(silent, /none yet/);
  for (const text of [early, silent]) assert.doesNotMatch(text, /old\/thing/);
});

test('days on which nothing arrived are named', async () => {
  const first = Math.floor(now / day) - 20;
  const text = await pageOf({ gaps: Array.from({ length: 7 }, (_, index) => first + index) });
  assert.match(text, /2026-11-12, 2026-11-13, 2026-11-14, 2026-11-15, 2026-11-16 and 2 before/);
});

test('who can do something is answered for names and addresses that there can be', async () => {
  const asked: string[] = [];
  const page = createWhoCanPage({
    views: createViews({ prefix: '', trial: null }),
    requesterOf: () => ({ address: '', userAgent: '', requestId: '' }),
    now: () => now,
    services: [service],
    whoCan: async ({ name, address }) => {
      asked.push(`${name} ${address}`);
      return { accounts: [], total: 0, groups: [], rules: [] };
    },
  });
  const mistakes: readonly (readonly [query: string, mistake: RegExp])[] = [
    ['repository=team/app&address=10.0.0.300', /&quot;10\.0\.0\.300&quot; isn&#39;t an IPv4 or IPv6 address/],
    ['repository=team/app&address=10.0.0.0/8', /isn&#39;t an IPv4 or IPv6 address/],
    ['repository=Team/App', /&quot;Team\/App&quot; isn’t a valid repository name/],
    [`repository=${'n'.repeat(256)}`, /isn’t a valid repository name/],
  ];
  await withServer(express().get('/', page), async (url) => {
    for (const [query, mistake] of mistakes) {
      const text = await (await fetch(`${url}/?${query}`)).text();
      assert.match(text, mistake);
      assert.doesNotMatch(text, /0 accounts/);
    }
    assert.match(await (await fetch(`${url}/?repository=team/app:1&address=10.0.0.3`)).text(), /0 accounts/);
  });
  assert.deepEqual(asked, ['team/app 10.0.0.3']);
});
