/** What pages answer to requests that their forms would not send, and to those whose effect is seen elsewhere. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Store } from '../../src/store/store.ts';
import { unaudited } from '../support/audit.ts';
import { type Company, startCompany } from '../support/company.ts';
import { createVisitor, signInAs, type Visitor } from '../support/visitor.ts';

const stack = new AsyncDisposableStack();
let company: Company;
let ana: Visitor;
let bo: Visitor;

before(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dockpass-routes-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  company = await startCompany(folder, stack, writeRequests);
  [ana, bo] = [createVisitor(), createVisitor()];
  await signInAs(ana, `${company.url}/sign-in/google`, 'ana@example.com');
  await signInAs(bo, `${company.url}/sign-in/google`, 'bo@example.com');
});
after(() => stack.disposeAsync());

/** With those that the company has, a page is full. */
async function writeRequests(store: Store, today: number): Promise<void> {
  for (let number = 2; number < 23; number++) {
    const place = { service: 'registry.example.com', name: 'data/etl', actions: 'push', address: '198.51.100.7' };
    const request = { id: `more-${number}`, account_id: `p${number}`, ...place, note: '', created_at: today };
    assert.ok(
      await store.accessRequests.add(request, { open: 5, refusedSince: 0, withdrawn: 5, withdrawnSince: 0 }, unaudited),
    );
  }
  await writeLongLists(store, today);
}

async function writeLongLists(store: Store, today: number): Promise<void> {
  const revocation = { actor: 'ana@example.com', reason: '', selection_json: '{"domain":"example.net"}', passwords: 0 };
  const undo = { undo_until: today, undone_at: null, undone_by: null, undo_checked: 1 };
  for (let number = 0; number < 120; number++) {
    await store.revocations.begin({ id: `many-${number}`, at: today + number, ...revocation, ...undo }, unaudited);
  }
  const place = { service: 'registry.example.com', type: 'repository', action: 'pull', decided_by: 'policy' } as const;
  const rule = { rule_line: 0, rule_comment: null, password_name: null, maker: null, address: '192.0.2.1' };
  const denials = Array.from({ length: 700 }, (_, number) => {
    const account = `many-${number % 7}`;
    const counted = { count: 1, first_at: today, last_at: today };
    return { id: `many-${number}`, account, account_id: null, name: `team/${number}`, ...place, ...rule, ...counted };
  });
  await store.denials.add(denials, 200);
}

/** With ids that nothing has, so that whoever gets through changes nothing. */
function ask(visitor: Visitor, route: string, headers: Record<string, string> = {}): Promise<Response> {
  const [verb = '', path = ''] = route.split(' ');
  const url = company.url + path.replaceAll(/:\w+/g, 'nothing');
  const sent = { accept: 'text/html', 'sec-fetch-site': 'same-origin', ...headers };
  return visitor.request(
    url,
    verb === 'get' ? { headers: sent } : { method: 'POST', body: new URLSearchParams(), headers: sent },
  );
}

test('signing out everywhere ends every session of one’s own, and no one else’s', async () => {
  const [desk, phone] = [createVisitor(), createVisitor()];
  for (const visitor of [desk, phone]) await signInAs(visitor, `${company.url}/sign-in/google`, 'bo@example.com');
  const access = await (await ask(desk, 'get /access')).text();
  assert.match(access, /Active sessions/);
  assert.equal(access.match(/This browser/g)?.length, 1);
  assert.equal((await ask(desk, 'post /sessions/end')).status, 303);
  for (const visitor of [desk, phone]) assert.equal((await ask(visitor, 'get /access')).status, 303);
  assert.equal((await ask(ana, 'get /access')).status, 200);
  await signInAs(bo, `${company.url}/sign-in/google`, 'bo@example.com');
});

function send(visitor: Visitor, path: string, fields: Record<string, string>): Promise<Response> {
  const headers = { accept: 'text/html', 'sec-fetch-site': 'same-origin' };
  return visitor.request(company.url + path, { method: 'POST', body: new URLSearchParams(fields), headers });
}

test('one browser is signed out by itself, and nobody else’s', async () => {
  const [desk, phone] = [createVisitor(), createVisitor()];
  for (const visitor of [desk, phone]) await signInAs(visitor, `${company.url}/sign-in/google`, 'bo@example.com');
  const idsOf = (page: string) => [...page.matchAll(/name="session" value="([^"]+)"/g)].map(([, id = '']) => id);
  const seenByDesk = idsOf(await (await ask(desk, 'get /access')).text());
  const seenByPhone = idsOf(await (await ask(phone, 'get /access')).text());
  const [ofPhone = ''] = seenByDesk.filter((id) => !seenByPhone.includes(id));
  await send(ana, '/sessions/end', { session: ofPhone });
  assert.equal((await ask(phone, 'get /access')).status, 200, 'another person’s');
  await send(desk, '/sessions/end', { session: ofPhone });
  assert.equal((await ask(phone, 'get /access')).status, 303);
  assert.equal((await ask(desk, 'get /access')).status, 200);
});

test('someone whose session has ended comes back to the form as it was', async () => {
  const sent = { name: 'my laptop', once: 'x', days: '30', access: 'pull', repositories: 'team/*' };
  const refused = await send(createVisitor(), '/passwords', sent);
  assert.equal(refused.status, 401);
  const [, href = ''] = /href="\/sign-in\?return_to=([^"]+)"/.exec(await refused.text()) ?? [];
  const back = decodeURIComponent(href);
  assert.match(back, /^\/passwords\/new\?/);
  assert.doesNotMatch(back, /once/);
  const form = await (await ask(ana, `get ${back}`)).text();
  assert.match(form, /value="my laptop"/);
  assert.match(form, /value="30" required checked/);
  assert.match(form, /value="pull" checked/);
  assert.match(form, />team\/\*<\/textarea>/);
});

/** What has to be in the page that someone comes back to whose session ended before they sent the fields. */
const lateForms: readonly { to: string; fields: Record<string, string>; has: readonly RegExp[] }[] = [
  {
    to: '/admin/robots/mirror/change',
    fields: { description: 'new words', ownerGroup: 'platform', groups: '', labels: 'stage: prod' },
    has: [/Not saved yet/, /value="new words"/, />stage: prod<\/textarea>/, /id="groups"[^>]*><\/textarea>/],
  },
  {
    to: '/admin/robots/mirror/passwords',
    fields: { name: 'nightly', days: '7', access: 'pull', repositories: 'base/*' },
    has: [/value="nightly"/, /value="7" required checked/, /value="pull" checked/, />base\/\*<\/textarea>/],
  },
  {
    to: '/passwords',
    fields: { name: '', days: '7', access: 'pull', repositories: 'base/*', preview: '1' },
    has: [/value="7" required checked/, /value="pull" checked/, />base\/\*<\/textarea>/],
  },
  {
    to: '/admin/tokens/new',
    fields: { name: 'job', days: '7', scopes: 'people:read' },
    has: [/value="job"/, /value="7" required checked/, /value="people:read" checked/],
  },
  {
    to: '/admin/people/p3/disable',
    fields: { reason: 'lost laptop', forSecurity: 'yes' },
    has: [/value="lost laptop"/, /name="forSecurity" value="yes" checked/],
  },
  {
    to: '/admin/revocations/new?domain=example.com',
    fields: { reason: 'a leak', expected: '1' },
    has: [/name="domain" value="example.com"/, /value="a leak"/],
  },
  { to: '/admin/workloads/github/off', fields: { reason: 'not trusted' }, has: [/value="not trusted"/] },
  {
    to: '/settings/notifications',
    fields: { sent: 'yes', categories: 'robots' },
    has: [/Not saved yet/, /value="passwords">/, /value="robots" checked/],
  },
];

for (const { to, fields, has } of lateForms) {
  test(`someone whose session has ended comes back to what they sent to ${to}`, async () => {
    const refused = await send(createVisitor(), to, fields);
    assert.equal(refused.status, 401);
    const [, href = ''] = /href="\/sign-in\?return_to=([^"]+)"/.exec(await refused.text()) ?? [];
    const page = await (await ask(ana, `get ${decodeURIComponent(href)}`)).text();
    for (const part of has) assert.match(page, part);
  });
}

test('the form that rotates a password comes back with its choices', async () => {
  await send(ana, '/passwords', { name: 'to rotate', days: '30', access: 'full' });
  const [, id = ''] = /\/passwords\/(\w+)\/rotate/.exec(await (await ask(ana, 'get /')).text()) ?? [];
  const refused = await send(createVisitor(), `/passwords/${id}/rotate`, { overlap: '168', days: '7' });
  const [, href = ''] = /href="\/sign-in\?return_to=([^"]+)"/.exec(await refused.text()) ?? [];
  const page = await (await ask(ana, `get ${decodeURIComponent(href)}`)).text();
  assert.match(page, /name="overlap" value="168" required checked/);
  assert.match(page, /name="days" value="7" required checked/);
});

test('the field with the mistake says so and has the focus', async () => {
  const pages: Readonly<Record<string, string>> = {
    'get /admin/audit?from=yesterday': 'from',
    'get /admin/audit?until=tomorrow': 'until',
    'get /admin/revocations/new?before=soon': 'before',
    'get /admin/revocations/new?preview=yes': 'domain',
    'get /admin/repositories/who-can?service=registry.example.com&repository=Team/App&action=push': 'repository',
    'get /admin/repositories/who-can?service=registry.example.com&repository=team/app&address=here': 'address',
  };
  for (const [route, field] of Object.entries(pages)) {
    const text = await (await ask(ana, route)).text();
    assert.match(text, new RegExp(`id="${field}"[^>]* aria-invalid="true" autofocus`), route);
    assert.equal(text.match(/ autofocus/g)?.length, 1);
  }
  const wrongCode = await (await send(ana, '/terminal', { code: 'zzzz' })).text();
  assert.match(wrongCode, /id="code"[^>]* aria-invalid="true" aria-describedby="code-error" autofocus/);
  assert.match(wrongCode, /id="code-error"/);
});

test('an API token needs a permission and a name whose characters can be seen', async () => {
  const unscoped = await (await send(ana, '/admin/tokens/new', { name: 'job', days: '7' })).text();
  assert.match(unscoped, /<fieldset class="field" aria-describedby="scopes-error">\s*<legend>Permissions/);
  assert.match(unscoped, /name="scopes"[^>]* autofocus/);
  for (const name of ['job\u202egnp', 'job\u0007', ' ']) {
    const refused = await send(ana, '/admin/tokens/new', { name, days: '7', scopes: 'people:read' });
    assert.equal(refused.status, 400);
    const text = await refused.text();
    assert.match(text, /id="name"[^>]* aria-describedby="name-error name-hint" autofocus/);
    assert.equal(/control or invisible character/.test(text), name !== ' ');
  }
});

test('a robot’s description and groups have no invisible characters', async () => {
  const robot = { name: 'seen', description: '', ownerGroup: 'platform', groups: '', labels: '' };
  for (const [field, value] of Object.entries({ description: 'evil \u202egnp.exe', groups: 'a\u202eb' })) {
    const refused = await send(ana, '/admin/robots/new', { ...robot, [field]: value });
    assert.equal(refused.status, 400);
    assert.match(await refused.text(), new RegExp(`id="${field}-error"[\\s\\S]*control or invisible character`));
  }
});

test('a robot that is disabled has suspended passwords, in its row and on its page', async () => {
  const set = (state: string) => send(ana, '/admin/robots/cluster-prod/state', { state });
  const row = async () =>
    /class="name" href="\/admin\/robots\/cluster-prod"[\s\S]*?<\/tr>/.exec(
      await (await ask(ana, 'get /admin/robots')).text(),
    )?.[0];
  assert.match((await row()) ?? '', /\d active</);
  await set('disabled');
  assert.match((await row()) ?? '', /\d suspended</);
  const page = await (await ask(ana, 'get /admin/robots/cluster-prod')).text();
  assert.match(page, /aria-label="Suspended passwords"/);
  assert.doesNotMatch(page, /aria-label="Active passwords"/);
  await set('active');
});

test('a session without a user agent isn’t called the browser of its reader', async () => {
  const unnamed = createVisitor();
  await signInAs(unnamed, `${company.url}/sign-in/google`, 'bo@example.com');
  const text = await (await ask(bo, 'get /access')).text();
  assert.match(text, /Sign out<span class="sr"> /);
  assert.doesNotMatch(text, /Sign out<span class="sr"> this browser/);
});

test('a search for a repository says that it leaves out what has no tags', async () => {
  const at = async (query: string) => (await ask(ana, `get /repositories?q=no-such-name${query}`)).text();
  assert.match(await at(''), /matches\. Untagged ones aren’t included\./);
  assert.doesNotMatch(await at('&empty=1'), /Untagged ones/);
});

test('no list stops without saying so', async () => {
  const revocations = await (await ask(ana, 'get /admin/revocations')).text();
  assert.match(revocations, /Page 1 of 2/);
  assert.match(revocations, /href="\?page=2" rel="next"/);
  assert.match(await (await ask(ana, 'get /admin/revocations?page=2')).text(), /revocations\/many-0"/);
  assert.match(await (await ask(ana, 'get /admin/denials')).text(), /the latest 500 of 7\d\d; filter/);
  assert.doesNotMatch(await (await ask(ana, 'get /admin/denials?account=many-1')).text(), /the latest/);
});

test('an administrator ends what someone without passwords has approved for a terminal', async () => {
  const people = await (await ask(ana, 'get /admin/people?q=bo@example.com')).text();
  const [, id = ''] = /\/admin\/people\/([^"]+)"/.exec(people) ?? [];
  const preview = `/admin/revocations/new?account=${id}`;
  assert.doesNotMatch(await (await ask(ana, `get /admin/people/${id}`)).text(), /Revoke all passwords/);

  const client = { client_id: 'dockpass-cli', registry: 'registry.example.com' };
  const post = async (path: string, fields: Record<string, string>): Promise<Readonly<Record<string, string>>> =>
    (await (await fetch(company.url + path, { method: 'POST', body: new URLSearchParams(fields) })).json()) as never;
  const { device_code: code = '', user_code: typed = '' } = await post('/oauth/device', client);
  await send(bo, '/terminal/decide', { code: typed, decision: 'approve', access: 'full' });

  const page = await (await ask(ana, `get /admin/people/${id}`)).text();
  assert.match(page, /1 approved terminal hasn’t collected its password yet/);
  assert.ok(page.includes(`href="${preview}"`));
  const form = await (await ask(ana, `get ${preview}`)).text();
  assert.match(form, /1 approved terminal that hasn’t collected a password yet gets none/);
  assert.match(form, /End 1 approval</);
  assert.equal((await send(ana, preview, { expected: '0', reason: '' })).status, 303);
  const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: code };
  assert.equal((await post('/oauth/token', { ...client, ...grant }))['error'], 'invalid_grant');
  assert.match(await (await ask(ana, `get ${preview}`)).text(), /there is nothing to revoke/);
});

test('an administrator sees whose passwords a revocation ended, and which', async () => {
  await send(bo, '/passwords', { name: 'to be revoked', days: '30', access: 'pull' });
  const people = await (await ask(ana, 'get /admin/people?q=bo@example.com')).text();
  const [, id = ''] = /\/admin\/people\/([^"]+)"/.exec(people) ?? [];
  const preview = `/admin/revocations/new?account=${id}`;
  const [, expected = ''] = /name="expected" value="(\d+)"/.exec(await (await ask(ana, `get ${preview}`)).text()) ?? [];
  const done = await send(ana, preview, { expected, reason: 'test' });
  const page = await (await fetchAs(ana, done.headers.get('location') ?? '')).text();
  assert.match(page, new RegExp(`href="/admin/people/${id}"><bdi>All passwords of bo@example\\.com`));
  assert.match(page, /aria-labelledby="passwords-title"[\s\S]*bo@example\.com/);
  assert.match(await (await ask(ana, 'get /admin/revocations')).text(), /All passwords of bo@example\.com/);
});

function fetchAs(visitor: Visitor, location: string): Promise<Response> {
  return visitor.request(new URL(location, company.url).href, { headers: { accept: 'text/html' } });
}

test('each number of the overview leads to a list of as many rows', async () => {
  const overview = await (await ask(ana, 'get /admin')).text();
  const figures = [...overview.matchAll(/class="tile[^"]*" href="([^"]+)"><strong>([\d,]+)<\/strong> ([^<]+)</g)];
  assert.ok(figures.length >= 7);
  for (const [, href = '', count = '', label = ''] of figures) {
    const list = await (await ask(ana, `get ${href}`)).text();
    assert.match(list, new RegExp(`[> ]${count}( people| person)?<\\/h2>`), `${label}: ${href}`);
  }
  const [, , requests] = figures.find(([, href]) => href === '/admin/requests') ?? [];
  assert.equal(requests, '23', 'those that wait for an answer');
});

test('open requests have pages with as many rows as are counted, and an answer leads back to its page', async () => {
  const rowsOf = async (path: string) => {
    const page = await (await ask(ana, `get ${path}`)).text();
    return [...page.matchAll(/<h3 id="request-([^"]+)"/g)].map(([, id = '']) => id);
  };
  const first = await (await ask(ana, 'get /admin/requests')).text();
  const [, next = ''] = /href="([^"]+)" rel="next"/.exec(first) ?? [];
  const [one, two] = [await rowsOf('/admin/requests'), await rowsOf(next)];
  assert.deepEqual([one.length, two.length, new Set([...one, ...two]).size], [20, 3, 23]);
  const answered = await send(ana, `/admin/requests/${two[0]}/answer?page=2`, { answer: 'refuse' });
  assert.equal(answered.headers.get('location'), '/admin/requests?page=2&done=answer');
  assert.deepEqual(await rowsOf('/admin/requests?page=2'), two.slice(1));
});

test('an address of the list of people from before leads to it', async () => {
  const response = await ask(ana, 'get /admin?state=disabled&page=2');
  assert.equal(response.headers.get('location'), '/admin/people?state=disabled&page=2');
});

test('a filter that is no date, and a preview of nothing, say so', async () => {
  assert.match(await (await ask(ana, 'get /admin/audit?from=yesterday')).text(), /“yesterday” isn’t a date/);
  const span = async (from: string, until: string) =>
    (await ask(ana, `get /admin/audit?from=${from}&until=${until}`)).text();
  assert.match(await span('2026-11-02', '2026-11-01'), /“From” is after “Until”, so nothing can match\./);
  assert.doesNotMatch(await span('2026-11-01', '2026-11-01'), /nothing can match/);
  assert.match(await (await ask(ana, 'get /admin/revocations/new?preview=yes')).text(), /at least one condition/);
});

test('without a preview, or with an invalid date, nothing is revoked', async () => {
  const revoke = async (query: string, fields: Record<string, string>) => {
    const body = new URLSearchParams(fields);
    const response = await ana.request(`${company.url}/admin/revocations/new?${query}`, { method: 'POST', body });
    assert.equal(response.status, 400, query);
    return response.text();
  };
  assert.match(await revoke('domain=example.com', {}), /Preview what would stop first/);
  for (const day of ['2026-13-99', '2026-02-30']) {
    const text = await revoke(`domain=example.com&before=${day}`, { expected: '1' });
    assert.match(text, new RegExp(`“${day}” isn’t a date`));
  }
});

test('a scope that no registry would ask for, and an invalid address, are not explained', async () => {
  const explained = async (query: string) =>
    (await ana.request(`${company.url}/admin/explain?who=bo@example.com&${query}`)).text();
  for (const typed of ['foo bar', 'foo bar:x', 'a//b', 'registry:']) {
    const text = await explained(`scope=${encodeURIComponent(typed)}`);
    assert.match(
      text,
      /<input id="scope"[^>]* aria-invalid="true" aria-describedby="scope-error scope-hint" autofocus>/,
    );
    const message = `“${typed}” isn’t a repository name or a scope. Write team/app, or repository:team/app:pull,push.`;
    assert.ok(text.includes(`<span>${message}</span>`), typed);
  }
  assert.match(await explained('scope=repository:prod/web:psh'), /no registry knows psh on repository:prod\/web/);
  const page = await explained('scope=prod/web&address=10.0.0.300');
  assert.match(page, /<input id="address"[^>]* aria-invalid="true" aria-describedby="address-error" autofocus>/);
  assert.match(page, /10\.0\.0\.300.* isn&#39;t an IPv4 or IPv6 address/);
  assert.doesNotMatch(page, /granted/);
});

test('the audit is exported as it is filtered, and holds what administrators asked to be explained', async () => {
  const question = `${company.url}/admin/explain?who=bo@example.com&scope=prod/web`;
  const explained = await (await ana.request(question)).text();
  assert.match(explained, /Pull<\/strong> granted/);
  const lines = await (await ana.request(`${company.url}/admin/audit.jsonl?action=policy.explain`)).text();
  const [event] = lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(event.actor, 'ana@example.com');
  assert.deepEqual([event.subject, event.repository], ['bo@example.com', 'prod/web']);
  assert.equal(event.detail.scope, 'repository:prod/web:pull,push,delete');
  assert.match(
    (await ana.request(`${company.url}/admin/audit.jsonl`)).headers.get('content-type') ?? '',
    /^application\/jsonl/,
  );
  const csv = await ana.request(`${company.url}/admin/audit.csv?action=policy.explain`);
  assert.match(csv.headers.get('content-disposition') ?? '', /attachment; filename="dockpass-audit\.csv"/);
  assert.equal((await csv.text()).trim().split('\r\n').length, 2);
});
