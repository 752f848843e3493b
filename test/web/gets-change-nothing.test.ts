/** Asks every route that answers GET, with everything there is to show, and compares the database before and after. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { apiScopes } from '../../src/accounts/api-tokens.ts';
import { unaudited } from '../support/audit.ts';
import { writePast } from '../support/company-past.ts';
import { writeRepositories } from '../support/past-repositories.ts';
import { writeStrangers } from '../support/past-strangers.ts';
import { routes } from '../support/routes.ts';
import { signedIn } from '../support/rows.ts';
import { type House, startHouse } from '../support/walk.ts';
import { githubFile } from '../support/workload.ts';

const policyText = `groups:
  platform: [root@example.com, ana@example.com]
acl:
  - match: { domain: example.com }
    actions: ["*"]
`;

/** What stands in a route's place of an id, by what comes before it. */
const ids: readonly (readonly [before: RegExp, id: string])[] = [
  [/^\/requests\/$/, 'open-ana'],
  [/\/robots\/$/, 'mirror'],
  [/\/people\/$/, 'ana'],
  [/\/revocations\/$/, 'stolen'],
  [/\/tokens\/$/, 'offboarding'],
  [/\/workloads\/$/, 'github'],
  [/\/api\/v1\/requests\/$/, 'open-stranger'],
  [/\/repositories\/$/, 'registry.example.com'],
  [/\/cli\/$/, 'login.sh'],
];

/** Tables, and actions of the audit, that say that someone looked or that a session is in use. */
const records = {
  web_session: 'a session lives longer when it is used',
  api_token: 'when and from where a token was used last',
} as const;
const recordedActions = ['audit.read', 'policy.explain'];

/** Everything else is shown in full. */
const withoutPage = {
  'GET /sign-in': 303,
  'GET /passwords': 303,
  'GET /robots/:robot/passwords': 303,
  'GET /admin/robots/:robot/passwords': 303,
  'GET /unsubscribe': 400,
  'GET /oauth/authorize': 400,
  'GET /brand/:file': 404,
  // No one can sign in here. The callback is the one GET that has to change something: a provider sends it.
  'GET /sign-in/:provider': 404,
  'GET /sign-in/:provider/callback': 404,
  // No registry is set to delete from.
  'GET /repositories/:service/-/delete/*name': 409,
  'GET /requests/new': 409,
};

type Contents = ReadonlyMap<string, readonly string[]>;

function contentsOf(file: string): Contents {
  const database = new Database(file, { readonly: true });
  try {
    const tables = database.prepare("select name from sqlite_master where type = 'table'").pluck().all() as string[];
    const rowsOf = (table: string) =>
      (database.prepare(`select * from "${table}"`).all() as { action?: string }[])
        .filter(({ action = '' }) => table !== 'audit_event' || !recordedActions.includes(action))
        .map((row) => JSON.stringify(row))
        .toSorted();
    return new Map(tables.filter((table) => !Object.hasOwn(records, table)).map((table) => [table, rowsOf(table)]));
  } finally {
    database.close();
  }
}

describe('a GET', () => {
  let house: House;
  let [cookie, token] = ['', ''];
  const passwords = { own: '', robot: '' };

  before(async () => {
    const environment = { SERVICE_REGISTRY_EXAMPLE_COM_EVENTS_TOKEN: 'not-a-secret-but-long-enough-for-one' };
    house = await startHouse({ policyText, workloadsText: githubFile, environment });
    const { store, passwords: issuing } = house.core;
    const today = Date.now();
    await writePast(store, { issuer: 'https://accounts.google.com', subject: 'ana', today });
    await writeRepositories(store, today);
    await writeStrangers(store, today);
    const login = 'root@example.com';
    const root = await store.accounts.signIn(signedIn({ id: 'root', subject: 'root', login, email: login, at: today }));
    const by = { actor: login, client: null };
    const input = { name: 'laptop', days: 9, pullOnly: false, repositories: [] };
    passwords.own = (await issuing.issue(root, input, by)).password.id;
    passwords.robot = (await store.passwords.ofAccount('mirror'))[0]?.id ?? '';
    const wish = { account_id: 'root', service: 'registry.example.com', name: 'team/app', actions: 'push', note: '' };
    const limits = { open: 5, refusedSince: today, withdrawn: 5, withdrawnSince: today };
    const request = { ...wish, id: 'open-root', address: '192.0.2.1', created_at: today };
    await store.accessRequests.add(request, limits, unaudited);
    cookie = await house.cookieOf(root, today);
    const asked = { name: 'reader', days: 1, scopes: apiScopes };
    token = (await house.administration.apiTokens.issue(asked, 'root', by)).secret;
  });
  after(() => house.stop());

  const concrete = (route: string) =>
    route.replace(/\*name/, 'platform/gateway').replaceAll(/:\w+/g, (name, at: number) => {
      const base = route.slice(0, at);
      if (base.endsWith('/passwords/'))
        return name === ':id' && base.includes('robot') ? passwords.robot : passwords.own;
      return ids.find(([place]) => place.test(base))?.[1] ?? 'nothing';
    });

  test('changes nothing, whatever it shows', async () => {
    const earlier = contentsOf(house.databaseFile);
    const statuses = new Map<string, number>();
    for (const route of Object.keys(routes).filter((one) => one.startsWith('GET '))) {
      const path = concrete(route.slice('GET '.length));
      const headers = path.startsWith('/api/v1')
        ? { authorization: `Bearer ${token}` }
        : { cookie, accept: 'text/html' };
      const response = await fetch(house.url + path, { headers, redirect: 'manual' });
      const text = await response.text();
      if (route === 'GET /requests') assert.match(text, /Granted/, 'there is something to write');
      if (response.status !== 200) statuses.set(route, response.status);
    }
    assert.deepEqual(Object.fromEntries(statuses), withoutPage);
    const { audit, denials, uses, passwords: issued } = house.core;
    await Promise.all([audit, denials, uses, issued].map((behind) => behind.flush()));
    const later = contentsOf(house.databaseFile);
    for (const [table, rows] of earlier) assert.deepEqual(later.get(table), rows, table);
  });
});
