/** Writes what went before in the company of the pictures and of the tests in a browser, as one would have found it. */
import type { Store } from '../../src/store/store.ts';
import { unaudited } from './audit.ts';
import { writeDays } from './past-days.ts';
import { writeEvents } from './past-events.ts';
import { docker, hold } from './past-password.ts';
import { writeAna, writePerson } from './past-people.ts';

const hour = 60 * 60 * 1000;
const day = 24 * hour;

/** @param facts.subject Ana's at the provider  @param facts.today epoch milliseconds */
export async function writePast(
  store: Store,
  facts: { readonly issuer: string; readonly subject: string; readonly today: number },
): Promise<void> {
  const anaIds = await writeAna(store, facts);
  for (let number = 0; number < 142; number++) await writePerson(store, facts.today, number);
  await writeDays(store, anaIds, facts.today);
  await writeRobots(store, facts.today);
  await writeApiToken(store, facts.today);
  await writeRevocations(store, facts.today);
  await writeRequests(store, facts.today);
  await writeEvents(store, facts.today);
}

async function writeRobots(store: Store, today: number): Promise<void> {
  const robots = [
    ['ci-web', 'Builds and pushes the web images', 'web', '["web"]', '{"stage":["test","prod"]}'],
    ['cluster-prod', 'Pulls for the production cluster', 'platform', '[]', '{"stage":["prod"]}'],
    ['mirror', 'Copies base images every night', 'platform', '["platform"]', '{}'],
  ] as const;
  for (const [name, description, owner_group, groups_json, labels_json] of robots) {
    const login = `robot-${name}`;
    const facts = { display_name: name, description, owner_group, groups_json, labels_json };
    const made = { created_by: 'ana@example.com', created_by_id: null, created_at: today - 200 * day };
    await store.robots.insert({ id: name, login, ...facts, ...made }, 10, unaudited);
    const used = [1.5, '203.0.113.40', docker] as const;
    await hold(store, { id: name, login }, { age: 150, days: 365, name: 'Runner', used, pulled: ['web/shop'] }, today);
  }
}

async function writeApiToken(store: Store, today: number): Promise<void> {
  const id = 'offboarding';
  await store.apiTokens.insert(
    {
      ...{ id, account_id: 'ana', created_by: 'ana@example.com', name: 'Off-boarding job' },
      ...{ hash: id, pepper_id: '', hint: 'dka_…9fQ2', scopes_json: '["people:read","people:write"]' },
      ...{ created_at: today - 40 * day, expires_at: today + 50 * day },
    },
    unaudited,
  );
  await store.apiTokens.recordUse(id, { at: today - 3 * hour, address: '192.0.2.10' }, 0);
}

/** Two that are open. */
async function writeRequests(store: Store, today: number): Promise<void> {
  const requests = [
    ['p0', 'data/etl', 'I take over the nightly import', 26 * hour],
    ['p1', 'web/shop', '', 3 * hour],
  ] as const;
  for (const [account_id, name, note, ago] of requests) {
    const place = { service: 'registry.example.com', name, actions: 'push', address: '198.51.100.7' };
    const request = { id: `request-${account_id}`, account_id, ...place, note, created_at: today - ago };
    await store.accessRequests.add(request, { open: 5, refusedSince: 0, withdrawn: 5, withdrawnSince: 0 }, unaudited);
  }
}

/** One that can be undone still, and one that stands. */
async function writeRevocations(store: Store, today: number): Promise<void> {
  const revocations = [
    ['stolen', 2 * hour, 'The laptop was stolen', { accountId: 'p1' }, 1],
    [
      'contract',
      28 * hour,
      'The contract with the partner ended',
      { domain: 'partner.example.org', createdBefore: today },
      12,
    ],
  ] as const;
  for (const [id, ago, reason, selection, passwords] of revocations) {
    const at = today - ago;
    await store.revocations.begin(
      {
        ...{ id, at, actor: 'ana@example.com', reason, selection_json: JSON.stringify(selection), passwords },
        ...{ undo_until: at + day, undone_at: null, undone_by: null, undo_checked: 1 },
      },
      unaudited,
    );
  }
}
