/** Access requests over HTTP: from the denial to the answer, on pages and by the API. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { anonymous } from '../../src/identity/identity.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { decide } from '../../src/policy/decide.ts';
import type { Account } from '../../src/store/accounts.ts';
import { signedIn } from '../support/rows.ts';
import { type House, startHouse } from '../support/walk.ts';

const policyText = 'acl:\n  - match: {domain: example.com, name: "team/*"}\n    actions: [pull]\n';
const service = 'registry.example.com';

type Reply = { requests: { login: string; state: string }[]; state: string; yaml: string };

describe('access requests on pages', () => {
  let house: House;
  const people: Record<string, Account> = {};
  before(async () => {
    house = await startHouse({ policyText });
    for (const name of ['ana', 'bo', 'root']) {
      const login = `${name}@example.com`;
      const account = await house.core.store.accounts.signIn(
        signedIn({ id: name, subject: name, login, email: login, at: Date.now() }),
      );
      people[name] = account;
      const identity = {
        ...anonymous,
        account: login,
        accountId: name,
        kind: 'person' as const,
        domain: 'example.com',
      };
      const context = { service, address: '192.0.2.1' };
      const names = name === 'bo' ? [] : ['team/app', 'team/second'];
      for (const repository of names) {
        const access = { type: 'repository', name: repository, actions: ['push'] };
        house.core.denials.record(identity, [decide(parsePolicy(policyText, 'p'), identity, access, context)], context);
      }
    }
  });
  after(() => house.stop());

  const ask = async (
    path: string,
    who: string,
    fields?: Record<string, string>,
    headers: Record<string, string> = {},
  ) => {
    const person = people[who];
    const cookie = person === undefined ? '' : await house.cookieOf(person, Date.now());
    const response = await fetch(house.url + path, {
      ...(fields !== undefined && { method: 'POST', body: new URLSearchParams(fields) }),
      redirect: 'manual',
      headers: { cookie, accept: 'text/html', 'sec-fetch-site': 'same-origin', ...headers },
    });
    return { status: response.status, location: response.headers.get('location'), text: await response.text() };
  };
  const wish = (repository: string, note = '') => ({ service, repository, note });
  const idOf = async (login: string) =>
    (await house.core.store.accessRequests.open(99)).find((row) => row.login === login)?.id ?? '';

  test('someone whose session has ended comes back to the form of that repository, with their reason', async () => {
    const refused = await ask('/requests', 'nobody', wish('team/app', 'for the "release"'));
    assert.equal(refused.status, 401);
    const [, href = ''] = /href="\/sign-in\?return_to=([^"]+)"/.exec(refused.text) ?? [];
    const form = await ask(decodeURIComponent(href), 'ana');
    assert.match(form.text, /<code>registry\.example\.com\/team\/app[\s\S]*value="for the &quot;release&quot;"/);
  });

  test('someone asks under a denial, and sees it among their own requests alone', async () => {
    const [, link = ''] = /href="(\/requests\/new[^"]*app)"/.exec((await ask('/access', 'ana')).text) ?? [];
    const form = await ask(link.replaceAll('&amp;', '&'), 'ana');
    assert.match(form.text, /<strong>push<\/strong> on <code>registry\.example\.com\/team\/app/);
    assert.equal((await ask(link.replaceAll('&amp;', '&'), 'bo')).status, 409, 'not one’s own denial');
    const asked = await ask('/requests', 'ana', wish('team/app', '<b>for the release</b>'));
    assert.deepEqual([asked.status, asked.location], [303, '/requests?done=asked']);
    const { text } = await ask('/requests', 'ana');
    assert.match(text, /team\/app/);
    assert.match(text, /&lt;b&gt;for the release/);
    assert.doesNotMatch((await ask('/requests', 'bo')).text, /team\/app/);
    assert.match((await ask('/access', 'ana')).text, /You have asked for this repository/);
  });

  test('asking again, and for what one was not denied, is refused in words that don’t say what exists', async () => {
    const again = await ask('/requests', 'ana', wish('team/app'));
    assert.equal(again.status, 409);
    assert.match(again.text, /asked for this repository already/);
    const refusals = await Promise.all(
      ['team/app', 'no/such-thing'].map((repository) => ask('/requests', 'bo', wish(repository))),
    );
    assert.deepEqual(
      refusals.map(({ status }) => status),
      [409, 409],
    );
    assert.equal(new Set(refusals.map(({ text }) => /<div class="notice[\s\S]*?<\/div>/.exec(text)?.[0])).size, 1);
    assert.equal((await ask('/requests', 'ana', wish('team/second'), { 'sec-fetch-site': 'cross-site' })).status, 403);
  });

  test('an administrator sees it with the lines that would grant it, and answers; others can’t', async () => {
    assert.equal((await ask('/admin/requests', 'ana')).status, 403);
    const { text } = await ask('/admin/requests', 'root');
    assert.match(text, /ana@example\.com<\/a> asks for push on/);
    assert.match(text, /before line 2 of the policy \(rule 1\)/);
    assert.match(text, /actions: \[pull, push\]/);
    const path = `/admin/requests/${await idOf('ana@example.com')}/answer`;
    assert.equal((await ask(path, 'ana', { answer: 'accept' })).status, 403);
    const late = await ask(path, 'nobody', { answer: 'accept', note: 'on "Monday"' });
    const [, href = ''] = /href="\/sign-in\?return_to=([^"]+)"/.exec(late.text) ?? [];
    const kept = await ask(decodeURIComponent(href), 'root');
    assert.match(kept.text, /name="note" maxlength="500" value="on &quot;Monday&quot;"/, 'the session had ended');
    const refused = await ask(path, 'root', { answer: 'perhaps', note: 'on Sunday' });
    assert.equal(refused.status, 400);
    assert.match(refused.text, /name="note" maxlength="500" value="on Sunday"/);
    assert.equal((await ask(path, 'root', { answer: 'accept', note: 'on Monday' })).status, 303);
    const stale = await ask(path, 'root', { seen: '0', answer: 'refuse', note: 'not needed' });
    assert.equal(stale.status, 409, 'someone else answered after the page was opened');
    assert.match(stale.text, /root@example\.com answered this request meanwhile/);
    assert.match(stale.text, /name="note" maxlength="500" value="not needed"/);
    const own = (await ask('/requests', 'ana')).text;
    assert.match(own, /Accepted, not granted yet/);
    assert.match(own, /on Monday/);
    const [event] = await house.core.store.audit.list({}, null, 1);
    assert.deepEqual(
      [event?.action, event?.actor, event?.repository],
      ['request.answer', 'root@example.com', 'team/app'],
    );
  });

  test('nobody answers their own, neither on the page nor by the API', async () => {
    await ask('/requests', 'root', wish('team/app'));
    const { text } = await ask('/admin/requests', 'root');
    assert.match(text, /This is your own request/);
    const id = await idOf('root@example.com');
    assert.equal((await ask(`/admin/requests/${id}/answer`, 'root', { answer: 'accept' })).status, 403);
    const { apiTokens } = house.administration;
    const by = { actor: 'root@example.com', client: null };
    const issue = async (scopes: string[]) =>
      (await apiTokens.issue({ name: scopes.join(), days: 1, scopes }, 'root', by)).secret;
    const [reader, answerer] = [await issue(['requests:read']), await issue(['requests:answer'])];
    const call = async (token: string, path: string, body?: object) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const sent = body === undefined ? { headers } : { headers, method: 'POST', body: JSON.stringify(body) };
      const response = await fetch(`${house.url}/api/v1${path}`, sent);
      return { status: response.status, json: (await response.json()) as Reply };
    };
    assert.equal((await call(answerer, `/requests/${id}/answer`, { answer: 'accept' })).status, 403);
    assert.equal((await call(reader, `/requests/${id}/answer`, { answer: 'refuse' })).status, 403);
    const listed = await call(reader, '/requests');
    assert.deepEqual(
      listed.json.requests.map((one) => [one.login, one.state]),
      [
        ['ana@example.com', 'accepted'],
        ['root@example.com', 'open'],
      ],
    );
    const anas = await idOf('ana@example.com');
    assert.equal(
      (await call(answerer, `/requests/${anas}/answer`, { answer: 'refuse', note: 'no' })).json.state,
      'refused',
    );
    assert.match((await call(reader, `/requests/${id}/suggestion`)).json.yaml, /root@example\.com/);
  });

  test('someone withdraws their own request by its button, and everyone who sees it sees that', async () => {
    await ask('/requests', 'ana', wish('team/second'));
    const [, path = ''] = /action="(\/requests\/[^"]+\/withdraw)"/.exec((await ask('/requests', 'ana')).text) ?? [];
    const foreign = await ask(path, 'root', {});
    assert.equal(foreign.status, 404);
    assert.match(foreign.text, /You have no such request/);
    const withdrawn = await ask(path, 'ana', {});
    assert.deepEqual([withdrawn.status, withdrawn.location], [303, '/requests?done=withdrawn']);
    const own = (await ask('/requests?done=withdrawn', 'ana')).text;
    assert.match(own, /Your request is withdrawn/);
    assert.doesNotMatch(own, /action="\/requests\/[^"]+\/withdraw"/);
    const seen = (await ask('/admin/requests', 'root')).text;
    assert.match(seen, /team\/second[\s\S]*Withdrawn/);
    assert.equal((await ask(path, 'ana', {})).status, 409);
    const [event] = await house.core.store.audit.list({}, null, 1);
    assert.deepEqual([event?.action, event?.actor], ['request.withdraw', 'ana@example.com']);
  });
});
