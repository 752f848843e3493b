/** Google's directory over HTTP: whom it has, in which groups, how Dockpass proves itself to it, and what its refusals mean. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { refusal, subjectToken, tokenPath } from '../../support/directory.ts';
import { account as accountRow } from '../../support/rows.ts';
import { ana, row, startDirectory } from './directory-scene.ts';

const there = (...groups: string[]) => ({ kind: 'there', groups: groups.map((name) => `google:${name}`) });

test('direct groups, page by page, with and without the domain of the company', async (t) => {
  const { directory, people, ask } = await startDirectory(t);
  directory.pageSize = 2;
  people.set(ana.sub, { ...ana, groups: ['a', 'b', 'c', 'd', 'e'] });
  const addresses = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}@example.com`);
  assert.deepEqual(await ask(), there(...addresses, 'a', 'b', 'c', 'd', 'e'));
  assert.equal(directory.asked.filter((line) => line.includes('/groups?')).length, 3);
  assert.deepEqual(
    await ask({ domains: ['other.example', 'example.com'] }),
    there(...addresses),
    'not the first domain',
  );
});

test('a person without groups is known to have none', async (t) => {
  const { people, ask } = await startDirectory(t);
  people.set(ana.sub, { ...ana, groups: [] });
  assert.deepEqual(await ask(), there());
});

test('groups in groups: as high as allowed, and once around a circle', async (t) => {
  const { directory, ask } = await startDirectory(t);
  directory.parents.set('platform@example.com', ['engineering@example.com']);
  directory.parents.set('engineering@example.com', ['all@example.com', 'platform@example.com']);
  directory.parents.set('all@example.com', ['engineering@example.com']);
  const all = ['platform', 'engineering', 'all'].map((name) => `${name}@example.com`);
  assert.deepEqual(await ask({ strategy: 'recursive' }), there(...all, 'platform', 'engineering', 'all'));
  assert.deepEqual(
    await ask({ strategy: 'recursive', depth: 1 }),
    there(...all.slice(0, 2), 'platform', 'engineering'),
  );
  assert.deepEqual(await ask({ strategy: 'transitive' }), there(...all, 'platform', 'engineering', 'all'));
});

test('groups above a group are asked for once a minute, whoever is in it; one that was deleted meanwhile is in none', async (t) => {
  const { directory, people, asker } = await startDirectory(t);
  const clock = { at: Date.now() };
  const ask = asker({ strategy: 'recursive' }, () => clock.at);
  people.set(ana.sub, { ...ana, groups: ['platform', 'gone'] });
  directory.parents.set('platform@example.com', ['all@example.com']);
  directory.deleted.add('gone@example.com');
  const above = () => directory.asked.splice(0).filter((line) => line.includes('userKey=platform@'));
  const [platform, deleted] = ['platform@example.com', 'gone@example.com'];
  assert.deepEqual(await ask(row), there(platform, deleted, 'all@example.com', 'platform', 'gone', 'all'));
  assert.equal(above().length, 1);
  await ask(row);
  assert.equal(above().length, 0);
  clock.at += 60_000;
  await ask(row);
  assert.equal(above().length, 1);
});

test('whose address changed has to sign in again, and no group is asked for with the address that someone else has now', async (t) => {
  const { people, ask, directory } = await startDirectory(t);
  people.set(ana.sub, { ...ana, email: 'ana.new@example.com' });
  people.set('9', { ...ana, sub: '9', groups: ['owners'] });
  for (const strategy of ['direct', 'transitive'] as const)
    assert.equal((await ask({ strategy })).kind, 'sign-in', strategy);
  assert.ok(
    directory.asked.every((line) => line.includes('/users/') || line.includes('token')),
    String(directory.asked),
  );
});

test('more groups than anyone can have are unknown, and the reason is given', async (t) => {
  const { people, ask } = await startDirectory(t);
  const groups = (count: number) => Array.from({ length: count }, (_, index) => `g${index}`);
  people.set(ana.sub, { ...ana, groups: groups(1_000) });
  const status = await ask();
  assert.equal(status.kind === 'there' && status.groups?.length, 2_000, 'each with and without the domain');
  people.set(ana.sub, { ...ana, groups: groups(1_001) });
  const problem = 'the groups are not known: there are more than 1000, or one has a name that no group can have';
  assert.deepEqual(await ask(), { kind: 'there', groups: null, problem });
});

test('configured: only groups that the policy names are asked about, also of members of other domains', async (t) => {
  const { directory, people, ask } = await startDirectory(t, ['platform', 'engineering@example.com', 'nowhere']);
  directory.parents.set('platform@example.com', ['engineering@example.com']);
  const [platform, engineering] = ['platform@example.com', 'engineering@example.com'];
  assert.deepEqual(
    await ask({ strategy: 'configured' }),
    there(platform, engineering, 'platform', 'engineering'),
    'hasMember sees groups in groups',
  );
  // Without hd the stand-in answers 400 "Invalid Input: memberKey", as Google does for members of other domains.
  const { hd: _, ...foreign } = ana;
  people.set(ana.sub, foreign);
  assert.deepEqual(
    await ask({ strategy: 'configured' }),
    {
      ...there(platform, 'platform'),
      undecided: ['google:engineering@example.com', 'google:engineering'],
      problem: "Google doesn't say whether engineering@example.com contains this person",
    },
    'members.get sees direct members only',
  );
});

test('suspended, archived and deleted people are gone; a page of a proxy is not an answer of Google', async (t) => {
  const { people, ask } = await startDirectory(t);
  const kinds = async () => {
    const status = await ask();
    return [status.kind, 'reason' in status ? status.reason : ''];
  };
  people.set(ana.sub, { ...ana, suspended: true });
  assert.deepEqual(await kinds(), ['gone', 'suspended (ADMIN) in the Google directory']);
  people.set(ana.sub, { ...ana, archived: true });
  assert.deepEqual(await kinds(), ['gone', 'archived in the Google directory']);
  people.delete(ana.sub);
  assert.deepEqual(await kinds(), ['gone', 'deleted in the Google directory']);
  assert.equal((await ask({ directoryUrl: 'http://127.0.0.1:1' })).kind, 'silent');
  const proxy = createServer((_request, response) => void response.writeHead(404).end('<h1>404</h1>'));
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  t.after(() => proxy.close());
  const directoryUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  assert.equal((await ask({ directoryUrl })).kind, 'silent');
});

test('an account of another domain is not asked about', async (t) => {
  const { directory, ask } = await startDirectory(t);
  assert.deepEqual(await ask({}, { ...row, domain: 'other.example' }), { kind: 'unasked' });
  assert.deepEqual(await ask({}, { ...row, domain: null }), { kind: 'unasked' });
  assert.deepEqual(directory.asked, []);
});

test('a used-up quota is waited for, longer each time; then it counts as silence', async (t) => {
  const { directory, waits, ask } = await startDirectory(t);
  let refused = 0;
  directory.mood = (path) => (path.includes('/users/') && refused++ < 2 ? 'quota' : 'well');
  assert.equal((await ask()).kind, 'there');
  assert.deepEqual(waits, [1_500, 3_000]);
  waits.length = 0;
  directory.mood = 'quota';
  assert.equal((await ask()).kind, 'silent');
  assert.deepEqual(waits, [1_500, 3_000, 6_000]);
});

for (const [mood, kind] of [
  ['down', 'silent'],
  ['hangs', 'silent'],
  ['forbidden', 'fault'],
  ['unauthorized', 'fault'],
] as const) {
  test(`a directory that is ${mood} says nothing of the person: ${kind}`, async (t) => {
    const { directory, ask } = await startDirectory(t);
    directory.mood = mood;
    const status = await ask();
    assert.equal(status.kind, kind);
    if (mood === 'unauthorized')
      assert.match('reason' in status ? status.reason : '', /unauthorized_client \(Client is/);
  });
}

test('groups that cannot be read leave the person there, and say why', async (t) => {
  const { directory, ask } = await startDirectory(t);
  directory.mood = (path) => (path.endsWith('/groups') ? 'forbidden' : 'well');
  const status = await ask();
  assert.deepEqual([status.kind, 'groups' in status && status.groups], ['there', null]);
  assert.match('problem' in status ? (status.problem ?? '') : '', /answered 403: Not Authorized/);
});

test('a key: in the name of an administrator with delegation, in its own without', async (t) => {
  const { directory, ask } = await startDirectory(t);
  await ask();
  assert.deepEqual([directory.claims()['iss'], directory.claims()['sub']], [directory.keyFile.client_email, undefined]);
  await ask({ credentials: { admin: 'admin@example.com' } });
  assert.equal(directory.claims()['sub'], 'admin@example.com');
  const scopes = String(directory.claims()['scope']).split(' ');
  assert.deepEqual(
    scopes.map((scope) => scope.split('/').at(-1)),
    ['admin.directory.group.readonly', 'admin.directory.user.readonly'],
  );
  const lifetime = Number(directory.claims()['exp']) - Number(directory.claims()['iat']);
  assert.equal(lifetime, 3_600);
});

test('no key: the metadata server speaks for itself, signs for an account, or borrows its token', async (t) => {
  const { directory, ask } = await startDirectory(t);
  const noKey = { key: null };
  const serviceAccount = directory.keyFile.client_email;
  assert.equal((await ask({ credentials: noKey })).kind, 'there');
  assert.match(directory.asked[0] ?? '', /^GET \/computeMetadata\/.*scopes=.*group\.readonly/);
  assert.equal((await ask({ credentials: { ...noKey, serviceAccount } })).kind, 'there');
  assert.match(String(directory.claims()['scope']), /user\.readonly/);
  assert.equal((await ask({ credentials: { ...noKey, serviceAccount, admin: 'admin@example.com' } })).kind, 'there');
  assert.deepEqual([directory.claims()['iss'], directory.claims()['sub']], [serviceAccount, 'admin@example.com']);
  const applicationDefault = { client_id: 'c', client_secret: 's', refresh_token: 'r' };
  assert.equal((await ask({ credentials: { ...noKey, serviceAccount, applicationDefault } })).kind, 'there');
});

test('a workload elsewhere: its token, of a file or a server, is exchanged for one of Google, in whose name it may speak', async (t) => {
  const { directory, ask, url } = await startDirectory(t);
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'token');
  const account = (changes: object) => ({
    ...{ audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k8s' },
    ...{ subjectTokenType: 'urn:ietf:params:oauth:token-type:jwt', tokenUrl: `${url}/sts/v1/token`, field: null },
    ...{ impersonationUrl: null, source: { file }, ...changes },
  });
  const askWith = (changes: object, more: object = {}) =>
    ask({ credentials: { key: null, applicationDefault: account(changes), ...more } });
  const reasonOf = async (changes: object) => {
    const status = await askWith(changes);
    return [status.kind, 'reason' in status ? status.reason : ''];
  };
  assert.deepEqual(await reasonOf({}), ['fault', `ENOENT: no such file or directory, open '${file}'`]);

  writeFileSync(file, `${subjectToken}\n`);
  assert.equal((await askWith({})).kind, 'there');
  const { audience, scope, grant_type: grant, requested_token_type: type } = directory.claims();
  assert.equal(audience, account({}).audience);
  assert.match(String(scope), /group\.readonly .*user\.readonly$/);
  assert.deepEqual(
    [grant, type],
    ['urn:ietf:params:oauth:grant-type:token-exchange', 'urn:ietf:params:oauth:token-type:access_token'],
  );

  const serviceAccount = directory.keyFile.client_email;
  const impersonationUrl = `${url}/v1/projects/-/serviceAccounts/${serviceAccount}:generateAccessToken`;
  assert.equal((await askWith({ impersonationUrl })).kind, 'there');
  assert.equal(directory.claims()['by'], 'Bearer federated-token');
  assert.match(String(directory.claims()['scope']), /user\.readonly/);
  const admin = 'admin@example.com';
  assert.equal((await askWith({ impersonationUrl }, { serviceAccount, admin })).kind, 'there');
  assert.deepEqual([directory.claims()['iss'], directory.claims()['sub']], [serviceAccount, admin], 'signed in turn');

  const azure = { url: `${url}/metadata/identity/oauth2/token`, headers: { Metadata: 'True' } };
  assert.equal((await askWith({ source: azure, field: 'access_token' })).kind, 'there');
  const host = new URL(url).host;
  const field = 'id_token';
  assert.deepEqual(await reasonOf({ source: azure, field }), ['fault', `${host} has no token in "id_token"`]);
  const noHeader = await reasonOf({ source: { ...azure, headers: {} } });
  assert.deepEqual(noHeader, ['fault', `${host} answered 400 and gave no token`]);
  const [kind, reason] = await reasonOf({ source: { file }, field });
  assert.deepEqual([kind, reason], ['fault', `${file} has no token in "id_token"`], 'and nothing of it is quoted');
  writeFileSync(file, 'of somebody else');
  assert.match((await reasonOf({}))[1] ?? '', /gives Dockpass no token: unauthorized_client \(The given credential/);
  directory.mood = (path) => (path.startsWith('/sts/') ? 'down' : 'well');
  assert.equal((await reasonOf({}))[0], 'silent');
});

test('transitive: asked within the own customer, as the setting or the directory names it', async (t) => {
  const { directory, ask } = await startDirectory(t);
  const customerId = (row: string) => ({
    status: 200,
    body: { id: ana.sub, primaryEmail: ana.email, customerId: row },
  });
  const queries = () => directory.asked.splice(0).filter((line) => line.includes('searchTransitiveGroups'));
  await ask({ strategy: 'transitive', customerId: 'C0123abcd' });
  assert.match(queries()[0] ?? '', /parent\+==\+'customers\/C0123abcd'/);
  directory.replies.push({ to: /\/users\//, reply: customerId('C0ffee') });
  await ask({ strategy: 'transitive' });
  assert.match(queries()[0] ?? '', /parent\+==\+'customers\/C0ffee'/);
  directory.replies.splice(0, 1, { to: /\/users\//, reply: customerId("C1' || '1' == '1") });
  await ask({ strategy: 'transitive' });
  assert.doesNotMatch(queries()[0] ?? '', /parent/, 'nothing but an id goes into a query');
});

test('Retry-After is waited for, in seconds or as a date; beyond half a minute the next sweep tries again', async (t) => {
  const { directory, waits, ask } = await startDirectory(t);
  const answer = (headers: Record<string, string>) => {
    const reply = { status: 503, body: { error: { code: 503, message: 'later', status: 'UNAVAILABLE' } }, headers };
    directory.replies.splice(0, 1, { to: /\/users\//, reply });
    waits.length = 0;
    return ask();
  };
  assert.equal((await answer({ 'retry-after': '7' })).kind, 'silent');
  assert.deepEqual(waits, [7_000, 7_000, 7_000]);
  const date = (second: number) => new Date(Date.UTC(2026, 10, 29, 9, 0, second)).toUTCString();
  await answer({ date: date(0), 'retry-after': date(9) });
  assert.deepEqual(waits, [9_000, 9_000, 9_000]);
  await answer({ 'retry-after': '3600' });
  assert.deepEqual(waits, []);
});

test('a token endpoint that is down for a moment is asked again', async (t) => {
  const { directory, waits, ask } = await startDirectory(t);
  let down = 2;
  directory.mood = (path) => (path === tokenPath && down-- > 0 ? 'down' : 'well');
  assert.equal((await ask()).kind, 'there');
  assert.deepEqual(waits, [1_500, 3_000]);
});

test('a group of the policy that Google does not show is logged and decides nothing; where all are refused, so is Dockpass', async (t) => {
  const { directory, people, warned, ask } = await startDirectory(t, ['dev', 'ops', 'team@partner.example']);
  people.set(ana.sub, { ...ana, groups: ['ops'] });
  const reply = refusal(403, 'forbidden', 'Not Authorized to access this resource/api');
  directory.replies.push({ to: /dev@example\.com\/hasMember/, reply });
  const status = await ask({ strategy: 'configured' });
  assert.deepEqual(
    [status.kind, 'groups' in status && status.groups],
    ['there', ['google:ops@example.com', 'google:ops']],
  );
  assert.match(JSON.stringify(warned), /dev@example\.com/);
  assert.ok(!directory.asked.some((line) => line.includes('partner')), 'groups of strangers are not asked about');
  directory.replies.splice(0, 1, { to: /hasMember/, reply });
  const refused = await ask({ strategy: 'configured' });
  assert.deepEqual([refused.kind, 'groups' in refused && refused.groups], ['there', null]);
});

const user = { id: ana.sub, primaryEmail: ana.email };

for (const body of [
  ...[{}, [], { status: 'ok' }, { kind: 'admin#directory#user' }, { error: { code: 500 } }, { ...user, error: {} }],
  ...[
    { ...user, primaryEmail: null },
    { ...user, primaryEmail: '' },
    { ...user, suspended: 'true' },
  ],
  ...[
    { ...user, archived: 1 },
    { ...user, deletionTime: 5 },
  ],
  ...[
    { ...user, id: '999' },
    { ...user, id: '999', suspended: true },
  ],
]) {
  test(`a user that is ${JSON.stringify(body)} is silence: no one is confirmed, and no one is gone`, async (t) => {
    const { directory, ask } = await startDirectory(t);
    directory.replies.push({ to: /\/users\//, reply: { status: 200, body } });
    assert.equal((await ask()).kind, 'silent');
  });
}

for (const [strategy, to, bodies] of [
  [
    ...(['direct', /\/groups\?/] as const),
    [[], { groups: null }, { groups: {} }, { groups: [null] }, { groups: [{ email: null }] }, { status: 'ok' }],
  ],
  ['direct', /\/groups\?/, [{ error: { status: 'PERMISSION_DENIED' } }, { groups: [], nextPageToken: 5 }]],
  ['configured', /hasMember/, [{}, [], { isMember: 'true' }, { isMember: null }]],
  ['transitive', /searchTransitive/, [[], { memberships: [{}] }, { memberships: null }, { response: {} }]],
] as const) {
  for (const body of bodies) {
    test(`groups (${strategy}) that are ${JSON.stringify(body)} are unknown, in words`, async (t) => {
      const { directory, ask } = await startDirectory(t, ['platform@example.com']);
      directory.replies.push({ to, reply: { status: 200, body } });
      const status = await ask({ strategy });
      assert.deepEqual([status.kind, 'groups' in status && status.groups], ['there', null]);
      assert.match('problem' in status ? (status.problem ?? '') : '', /answered 200: (not the answer|an error)/);
    });
  }
}

test('an answer that is half there once is asked for again', async (t) => {
  const { directory, waits, ask } = await startDirectory(t);
  directory.replies.push({
    to: /\/users\//,
    get reply() {
      directory.replies.length = 0;
      return { status: 200, body: { id: ana.sub } };
    },
  });
  assert.equal((await ask()).kind, 'there');
  assert.deepEqual(waits, [1_500]);
});

test('recursive: a group of strangers that Google does not show is not asked about, and hides no other group', async (t) => {
  const { directory, ask } = await startDirectory(t);
  directory.parents.set('platform@example.com', ['all@example.com']);
  const groups = ['platform@example.com', 'team@partner.example'].map((email) => ({ email }));
  directory.replies.push(
    { to: new RegExp(`userKey=${ana.sub}`), reply: { status: 200, body: { groups } } },
    { to: /userKey=team@partner/, reply: refusal(403, 'forbidden', 'Not Authorized to access this resource/api') },
  );
  assert.deepEqual(
    await ask({ strategy: 'recursive' }),
    there('platform@example.com', 'all@example.com', 'platform', 'all'),
  );
});

test('the user is asked for by id: an e-mail can belong to someone else by now', async (t) => {
  const { directory, people, ask } = await startDirectory(t);
  people.set(ana.sub, { ...ana, email: 'ana.new@example.com' });
  people.set('9', { ...ana, sub: '9', email: ana.email, suspended: true });
  assert.equal((await ask()).kind, 'sign-in', 'and not gone, as whoever has the address now');
  assert.match(directory.asked[1] ?? '', new RegExp(`/users/${ana.sub}\\?`));
});

test('whom docker_auth left is asked for by e-mail until the first sign-in, only to shut out', async (t) => {
  const { directory, people, ask } = await startDirectory(t);
  const imported = accountRow({
    ...row,
    issuer: 'docker_auth',
    subject: 'old@example.com',
    login: 'old@example.com',
    domain: null,
  });
  assert.equal((await ask({}, imported)).kind, 'gone');
  assert.match(directory.asked.join('\n'), /users\/old@example\.com\?/);
  people.set('old@example.com', { ...ana, sub: 'old@example.com' });
  assert.deepEqual(await ask({}, imported), { kind: 'there', groups: null });
  assert.equal((await ask({}, { ...imported, login: 'old@other.org' })).kind, 'unasked');
});
