/** What My access says of one's own denials, and what would help, over HTTP. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { anonymous, type Identity } from '../../src/identity/identity.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { decide } from '../../src/policy/decide.ts';
import { signedIn } from '../support/rows.ts';
import { type House, startHouse } from '../support/walk.ts';

const policyText = `
acl:
  - match: { domain: example.com, name: "team/*" }
    actions: [pull, push]
  - match: { domain: example.com, name: "sealed/*" }
    actions: []
  - match: { domain: example.com, name: "finance/*" }
    actions: [pull]
    comment: Everybody pulls
`;
/** Under which the denials came about. */
const stricter = parsePolicy('acl: []', 'policy.yml');
const context = { service: 'registry.example.com', address: '192.0.2.1' };

let house: House;
let page = '';
before(async () => {
  house = await startHouse({ policyText });
  const login = 'ana@example.com';
  const account = await house.core.store.accounts.signIn(signedIn({ id: 'ana', login, email: login }));
  const ana: Identity = { ...anonymous, kind: 'person', account: login, accountId: 'ana', domain: 'example.com' };
  const input = { name: 'narrow', days: 30, pullOnly: true, repositories: [] };
  const { password } = await house.core.passwords.issue(account, input, { actor: login, client: null });
  const credential = { id: password.id, name: 'narrow' };
  const deny = (name: string, actions: readonly string[], by: Partial<Identity> = {}, policy = stricter) => {
    const access = { type: 'repository', name, actions };
    house.core.denials.record(ana, [decide(policy, { ...ana, ...by }, access, context)], context);
  };
  deny('finance/hello', ['push']);
  deny('sealed/<b>', ['pull']);
  deny('elsewhere', ['delete', '<i>']);
  deny('team/app', ['push']);
  const limits = { actions: ['pull'], repositories: null };
  const decision = decide(
    parsePolicy(policyText, 'policy.yml'),
    { ...ana, limits, credential },
    { type: 'repository', name: 'team/narrow', actions: ['push'] },
    context,
  );
  house.core.denials.record({ ...ana, credential }, [decision], context);
  const cookie = await house.cookieOf(account, Date.now());
  page = await (await fetch(`${house.url}/access`, { headers: { cookie } })).text();
});
after(() => house.stop());

const rowOf = (name: string): string =>
  page.split('<tr role="row">').find((row) => row.includes(`<code>${name}</code></th>`)) ?? '';

test('a denial says what the matching rule gives, what is missing, and has a request to copy', () => {
  const row = rowOf('finance/hello');
  assert.match(row, /Rule 3 gives you pull here, not push\./);
  assert.match(row, /Line 7 of the policy: “Everybody pulls”/);
  assert.match(row, /Copy request/);
  const [, text = ''] = /<pre [^>]*>([^<]*)<\/pre>/.exec(row) ?? [];
  for (const part of ['push', 'registry.example.com/finance/hello', 'ana@example.com']) assert.ok(text.includes(part));
});

test('a rule that gives nothing, no rule at all, and what the policy grants by now are told apart', () => {
  assert.match(rowOf('sealed/&lt;b&gt;'), /Rule 2 gives you nothing here\./);
  assert.match(rowOf('elsewhere'), /No rule gives you anything here\./);
  assert.match(rowOf('team/app'), /The policy grants it now\./);
  assert.doesNotMatch(rowOf('team/app'), /Copy request/);
});

test('what no registry knows as an action can’t be asked for', () => {
  const rows = page.split('<tr role="row">').filter((row) => row.includes('&lt;i&gt;</span>'));
  assert.equal(rows.length, 1);
  assert.doesNotMatch(rows.join(), /Copy request/);
});

test('a denial by the limits of a password leads to that password, and not to a request', async () => {
  const row = rowOf('team/narrow');
  const [, path = ''] = /href="(\/passwords\/[^"]+)"/.exec(row) ?? [];
  assert.doesNotMatch(row, /Copy request/);
  const ana = await house.core.store.accounts.byLogin('ana@example.com');
  assert.ok(ana);
  const cookie = await house.cookieOf(ana, Date.now());
  assert.equal((await fetch(house.url + path, { headers: { cookie } })).status, 200);
  assert.notEqual(path, '');
});

test('someone whose passwords are suspended reads that beside what the policy allows', async () => {
  const accessOf = async (id: string, at: number) => {
    const login = `${id}@example.com`;
    const account = await house.core.store.accounts.signIn(signedIn({ id, subject: id, login, email: login, at }));
    const cookie = await house.cookieOf(account, Date.now());
    return (await fetch(`${house.url}/access`, { headers: { cookie } })).text();
  };
  assert.doesNotMatch(await accessOf('recent', Date.now()), /Your passwords are suspended/);
  const longAgo = Date.now() - 400 * 24 * 60 * 60 * 1000;
  assert.match(await accessOf('old', longAgo), /Your passwords are suspended: old@example\.com last signed in/);
});
