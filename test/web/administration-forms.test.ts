/** Forms and confirmations of the administration that are out of date, or sent twice: pages say what is, and do nothing twice. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Account } from '../../src/store/accounts.ts';
import { signedIn } from '../support/rows.ts';
import { type House, startHouse } from '../support/walk.ts';
import { githubFile } from '../support/workload.ts';

let house: House;
let root: Account;
before(async () => {
  house = await startHouse({ workloadsText: githubFile });
  const facts = { id: 'root', subject: 'root', login: 'root@example.com', email: 'root@example.com' };
  root = await house.core.store.accounts.signIn(signedIn({ ...facts, at: Date.now() }));
});
after(() => house.stop());

async function send(path: string, fields?: [string, string][]): Promise<{ status: number; text: string }> {
  const post = fields === undefined ? {} : { method: 'POST', body: new URLSearchParams(fields) };
  const headers = {
    cookie: await house.cookieOf(root, Date.now()),
    accept: 'text/html',
    'sec-fetch-site': 'same-origin',
  };
  const response = await fetch(house.url + path, { redirect: 'manual', headers, ...post });
  return { status: response.status, text: await response.text() };
}

test('a form that is sent twice makes one API token, and the second answer says that it was made', async () => {
  const { text } = await send('/admin/tokens/new');
  const once = /name="once" value="([^"]+)"/.exec(text)?.[1] ?? '';
  const fields: [string, string][] = [
    ['once', once],
    ['name', 'job'],
    ['days', '30'],
    ['scopes', 'people:read'],
  ];
  const answers = [...(await Promise.all([send('/admin/tokens/new', fields), send('/admin/tokens/new', fields)]))];
  answers.push(await send('/admin/tokens/new', fields));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  );
  assert.equal(answers.filter(({ text: page }) => page.includes('dka_')).length, 1);
  assert.equal(answers.filter(({ text: page }) => /was shown once and can’t be shown again/.test(page)).length, 2);
  assert.equal((await house.administration.apiTokens.list()).filter(({ name }) => name === 'job').length, 1);
});

test('a token that is revoked offers no second revocation', async () => {
  const by = { actor: root.login, client: null };
  const { token } = await house.administration.apiTokens.issue(
    { name: 'x', days: 1, scopes: ['audit:read'] },
    'root',
    by,
  );
  const path = `/admin/tokens/${token.id}/revoke`;
  assert.match((await send(path)).text, /<button[^>]*>Revoke token/);
  assert.equal((await send(path, [])).status, 303);
  const { text } = await send(path);
  assert.doesNotMatch(text, /Revoke token/);
  assert.match(text, /was revoked by <bdi>root@example\.com/);
});

test('an address alone confirms nothing that isn’t so', async () => {
  const kept = await send('/admin/kept-logins?released=Call+us+now');
  assert.doesNotMatch(kept.text, /Call us now|can be given to someone else/);
  const issuers = await send('/admin/workloads?off=Call+us+now');
  assert.doesNotMatch(issuers.text, /Call us now/);
  assert.doesNotMatch((await send('/admin/workloads?off=github')).text, /is disabled/);
  const person = await send('/admin/people/root?done=disabled');
  assert.doesNotMatch(person.text, /passwords no longer work/);
});

test('an issuer that is disabled already can only be enabled', async () => {
  assert.match((await send('/admin/workloads/github/on')).text, /was done already/);
  assert.equal((await send('/admin/workloads/github/off', [])).status, 303);
  assert.match((await send('/admin/workloads?off=github')).text, /“github” is disabled/);
  const { text } = await send('/admin/workloads/github/off');
  assert.match(text, /<h1>“github” is disabled/);
  assert.doesNotMatch(text, /action="[^"]*\/off"/);
  assert.match((await send('/admin/workloads/github/on')).text, /action="[^"]*\/on"/);
});

test('what fails in the administration leads back there', async () => {
  const { status, text } = await send('/admin/people/root/disable', [['reason', '']]);
  assert.equal(status, 409);
  assert.doesNotMatch(text, /Go to your passwords/);
  const early = await send('/admin/robots/none/state', [['state', 'odd']]);
  assert.equal(early.status, 400);
  assert.match(early.text, /href="\/admin">Go to the overview/);
});
