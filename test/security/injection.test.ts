/** Text of people, providers and clients that means something to HTML, templates, SQL or HTTP: everywhere it is only text. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { createPassword } from '../support/person.ts';
import { freePorts } from '../support/ports.ts';
import { type DemoProvider, startProvider } from '../support/provider.ts';
import { createVisitor, type Page, sessionCookieOf, signInAs } from '../support/visitor.ts';

/** Ends tags, attributes, strings and statements; whoever evaluates it writes 60481729. */
const hostile = `<svg onload=1>"'><%=7777*7777%>{{7777*7777}}';drop--`;
/** As much of it as an address may have. */
const email = "o'neil--{7777}${7777}|`=1'or'1'='1@example.com";
const root = 'root@example.com';
const client = { id: 'dockpass', secret: 'not-a-secret' };

let installation: Installation;
let provider: DemoProvider;
let server: Server;
let url = '';
const [person, administrator] = [createVisitor(), createVisitor()];

before(async () => {
  installation = createInstallation();
  const [port = 0] = await freePorts(1);
  url = `http://localhost:${port}`;
  provider = await startProvider({
    port: 0,
    clients: [{ ...client, callbackUrls: [`${url}/sign-in/sso/callback`] }],
    people: [
      { sub: hostile, name: hostile, email, email_verified: true, groups: [hostile, `${hostile}2`] },
      { sub: '1', name: 'Root', email: root, email_verified: true, groups: [] },
    ],
  });
  server = await installation.serve({
    PUBLIC_URL: url,
    PORT: String(port),
    ADMIN_EMAILS: root,
    OIDC_PROVIDERS: 'sso',
    OIDC_SSO_ISSUER: provider.issuer,
    OIDC_SSO_CLIENT_ID: client.id,
    OIDC_SSO_CLIENT_SECRET: client.secret,
    OIDC_SSO_SCOPES: 'openid,email,profile,groups',
    OIDC_SSO_GROUPS_CLAIM: 'groups',
  });
  for (const [visitor, who] of [
    [person, email],
    [administrator, root],
  ] as const) {
    assert.equal((await signInAs(visitor, `${url}/sign-in/sso`, who)).status, 200);
  }
});
after(async () => {
  await server.stop();
  await provider.close();
  installation.remove();
});

function checkPage({ url: address, status, headers, body }: Page): void {
  assert.ok(status < 500, `${address}: ${status}`);
  assert.equal(headers.get('x-content-type-options'), 'nosniff', `${address}`);
  if (headers.get('content-disposition')?.startsWith('attachment') === true) return;
  for (const live of ['<svg onload', `"'>`, '60481729', "';drop"])
    assert.ok(!body.includes(live), `${live} in ${address}`);
}

test('a person whose every field is hostile is shown as they are called, on every page', async () => {
  const { secret, page } = await createPassword(person, url, { name: hostile, repositories: 'team/*' });
  assert.ok(secret, page.body);
  const authorization = `Basic ${Buffer.from(`${email}:${secret}`).toString('base64')}`;
  for (const repository of [hostile, 'team/app', "a'--", '{{7777*7777}}']) {
    const asked = new URLSearchParams({
      service: 'registry.example.com',
      scope: `repository:${repository}:push,${hostile}`,
    });
    const headers = { authorization, 'user-agent': hostile, 'x-forwarded-for': hostile };
    assert.equal((await fetch(`${url}/auth?${asked}`, { headers })).status, 200);
  }
  const form = await administrator.open(`${url}/admin/robots/new`);
  const robot = { description: hostile, ownerGroup: hostile, groups: hostile, labels: `team: ${hostile}` };
  await administrator.submit(form, `${url}/admin/robots/new`, { name: 'ci', ...robot });

  const seen = new Map<string, string>();
  const waiting = [
    '/',
    '/access',
    '/robots',
    '/admin',
    '/admin/people',
    '/admin/robots',
    '/admin/audit',
    '/admin/revocations',
    '/admin/tokens',
  ];
  for (const [who, visitor] of Object.entries({ person, administrator })) {
    const paths = new Set(waiting);
    for (const path of paths) {
      const opened = await visitor.open(url + path);
      checkPage(opened);
      seen.set(`${who} ${path}`, opened.body);
      const links = opened.body.matchAll(/href="(\/(?!static|sign-in)[^"#]*)"/g);
      if (paths.size < 120) for (const [, link = ''] of links) paths.add(link.replaceAll('&amp;', '&'));
    }
  }
  // What is looked for is there, and not only left away.
  for (const path of ['person /', 'person /access', 'administrator /admin/people'])
    assert.match(seen.get(path) ?? '', /&lt;svg onload/, path);
  assert.ok([...seen.keys()].some((path) => path.startsWith('administrator /admin/people/')));
});

test('what is searched and filtered for is only text', async () => {
  const fields = [
    'q',
    'person',
    'action',
    'from',
    'until',
    'repository',
    'before',
    'who',
    'scope',
    'sort',
    'page',
    'name',
  ];
  for (const path of ['/admin', '/admin/audit', '/admin/explain', '/admin/revocations/new', '/robots', '/sign-in']) {
    for (const text of [hostile, "' or '1'='1", '%', '_', '\\', '"', ')', '$1', '\u0000', '[]=']) {
      const asked = new URLSearchParams(Object.fromEntries(fields.map((field) => [field, text])));
      checkPage(await administrator.open(`${url}${path}?${asked}`));
    }
  }
  for (const text of ["' or '1'='1", '%%%', '_______', "' union select 1 --"]) {
    const found = await administrator.open(`${url}/admin/people?q=${encodeURIComponent(text)}`);
    assert.doesNotMatch(found.body, /\/admin\/people\/\w/, text);
  }
  assert.match((await administrator.open(`${url}/admin/people?q=root`)).body, /\/admin\/people\/\w/);
});

test('a line break in what is asked for begins no header', async () => {
  const breaks = ['%0d%0aX-Evil:%201', '%0aX-Evil:1', '%E5%98%8A%E5%98%8DX-Evil:1', '%0d%0a%0d%0a<html>'];
  for (const text of breaks) {
    for (const path of [
      `/sign-in?return_to=/${text}`,
      `/sign-in/sso?return_to=/${text}`,
      `/sign-in/${text}`,
      `/sign-in/sso/callback?state=a&error=${text}`,
      `/${text}`,
      `/auth?service=${text}&account=${text}`,
      `/auth?service=registry.example.com&scope=${text}`,
      `/.well-known/jwks.json?service=${text}`,
      `/admin/audit.csv?person=${text}`,
    ]) {
      for (const visitor of [createVisitor(), administrator]) {
        const response = await visitor.request(url + path, { headers: { 'x-request-id': decodeURIComponent('a') } });
        await response.arrayBuffer();
        assert.ok(!response.headers.has('x-evil') && response.status < 500, `${path}: ${response.status}`);
      }
    }
  }
});

test('whatever is said to be the way back, the browser stays here', async () => {
  for (const away of [
    'https://evil.example.com',
    '//evil.example.com',
    '/\\evil.example.com',
    '/%09/evil.example.com',
    'javascript:alert(1)',
  ]) {
    const visitor = createVisitor();
    const page = await signInAs(visitor, `${url}/sign-in/sso?return_to=${encodeURIComponent(away)}`, root);
    assert.equal(page.url.origin, url, away);
    assert.equal((await visitor.open(`${url}/sign-in?return_to=${encodeURIComponent(away)}`)).url.origin, url, away);
  }
});

test('a session that was stolen is worth nothing after its owner signed out', async () => {
  const [owner, thief] = [createVisitor(), createVisitor()];
  thief.setCookie(url, sessionCookieOf(url), 's%3Afixed.by-the-thief');
  owner.setCookie(url, sessionCookieOf(url), thief.cookie(url, sessionCookieOf(url)) ?? '');
  const page = await signInAs(owner, `${url}/sign-in/sso`, root);
  assert.notEqual(
    owner.cookie(url, sessionCookieOf(url)),
    thief.cookie(url, sessionCookieOf(url)),
    'a session is not taken from outside',
  );
  assert.match((await thief.open(`${url}/`)).url.pathname, /^\/sign-in/);
  thief.setCookie(url, sessionCookieOf(url), owner.cookie(url, sessionCookieOf(url)) ?? '');
  assert.equal((await thief.open(`${url}/`)).url.pathname, '/');
  await owner.submit(page, `${url}/sign-out`, {});
  assert.match((await thief.open(`${url}/`)).url.pathname, /^\/sign-in/, 'played back');
});
