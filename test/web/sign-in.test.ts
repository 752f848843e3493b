/** Signing in as a browser does it, with the demo's provider as Google: who comes in, who does not, and what is left behind. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { GoogleSettings } from '../../src/sign-in/google/google.ts';
import type { Fetch } from '../../src/sign-in/provider-fetch.ts';
import type { Account } from '../../src/store/accounts.ts';
import { type SignInApp, type SignInAppSettings, startGoogleApp } from '../support/sign-in-app.ts';
import { createVisitor, sessionCookieOf, signInAs, type Visitor } from '../support/visitor.ts';

async function start(
  t: TestContext,
  changes: Partial<SignInAppSettings> = {},
  google: Partial<GoogleSettings> = {},
  call?: Fetch,
) {
  const app = await startGoogleApp(changes, google, call);
  t.after(() => app.close());
  return app;
}

const accountsOf = ({ sql }: SignInApp) => sql.all<Account>('select * from account order by login');
const begin = (app: SignInApp) => `${app.url}/sign-in/google`;

test('beginning a sign-in leaves no row, no session and no audit entry', async (t) => {
  const app = await start(t);
  const visitor = createVisitor();
  for (let count = 0; count < 10; count++) await visitor.request(begin(app));
  await visitor.request(`${begin(app)}/callback?code=made-up&state=made-up`);
  for (const table of ['web_session', 'seen_token']) assert.deepEqual(await app.sql.all(`select * from ${table}`), []);
  assert.deepEqual(app.audited, []);
  assert.equal(visitor.cookie(app.url, sessionCookieOf(app.url)), undefined);
});

test('a code that the provider refuses is not in the audit: no one was proved', async (t) => {
  const app = await start(t);
  const visitor = createVisitor();
  const begun = await visitor.request(begin(app));
  const state = new URL(begun.headers.get('location') ?? '').searchParams.get('state');
  const page = await visitor.open(`${begin(app)}/callback?code=made-up&state=${state}`);
  assert.equal(page.status, 400);
  assert.match(JSON.parse(page.body).message, /took too long or was already used/);
  assert.deepEqual(app.audited, []);
});

test('ana signs in, is known by issuer and subject, and the audit says so', async (t) => {
  const app = await start(t);
  const page = await signInAs(createVisitor(), begin(app), 'ana@example.com');
  assert.equal(page.body, 'signed in as ana@example.com');
  const [ana, ...others] = await accountsOf(app);
  assert.deepEqual(others, []);
  assert.equal(ana?.issuer, app.provider.issuer);
  assert.equal(ana?.subject, '100000000000000000001');
  assert.deepEqual([ana?.domain, ana?.display_name, ana?.groups_at], ['example.com', 'Ana Alves', null]);
  assert.deepEqual(
    app.audited.map(({ action, actor, detail }) => ({ action, actor, detail })),
    [{ action: 'sign-in', actor: 'ana@example.com', detail: { provider: 'google' } }],
  );
});

test('a sign-in that the audit can’t record signs no one in', async (t) => {
  const app = await start(t, {
    storeAudit: async () => {
      throw new Error('the disk is full');
    },
  });
  const visitor = createVisitor();
  assert.equal((await signInAs(visitor, begin(app), 'ana@example.com')).status, 500);
  assert.match((await visitor.open(app.url)).url.pathname, /^\/sign-in$/);
});

test('mallory is refused: the address is right, the account belongs to no Workspace', async (t) => {
  const app = await start(t);
  const visitor = createVisitor();
  const page = await signInAs(visitor, begin(app), 'mallory@example.com');
  assert.equal(page.status, 403);
  const data = JSON.parse(page.body);
  assert.match(data.message, /mallory@example\.com is a personal Google account.*Workspace of example\.com/);
  assert.deepEqual(data.action, { href: '/sign-in/google?another=yes', label: 'Choose another account' });
  assert.deepEqual(await accountsOf(app), []);
  assert.equal(app.audited[0]?.action, 'sign-in.refused');
  assert.equal(app.audited[0]?.subject, 'mallory@example.com');
  assert.match((await visitor.open(app.url)).url.pathname, /^\/sign-in$/);
  assert.equal((await signInAs(visitor, new URL(data.action.href, app.url), 'ana@example.com')).status, 200);
});

test('an account of another Workspace, an unverified address and no address are refused', async (t) => {
  const app = await start(t);
  const ana = app.provider.people.get('100000000000000000001') ?? assert.fail();
  const messageFor = async (changes: object) => {
    app.provider.people.set(ana.sub, { ...ana, ...changes });
    const page = await signInAs(createVisitor(), begin(app), { ...ana, ...changes }.email);
    assert.equal(page.status, 403);
    return JSON.parse(page.body).message;
  };
  assert.match(await messageFor({ hd: 'example.org' }), /belongs to the Google Workspace of example\.org/);
  assert.match(await messageFor({ hd: 'sub.example.com' }), /belongs to the Google Workspace of sub\.example\.com/);
  assert.match(await messageFor({ email_verified: false }), /has not verified/);
  assert.match(
    await messageFor({ email: '../ana@example.com' }),
    /can’t be used as a Docker user name.*letters and digits/,
  );
  assert.deepEqual(await accountsOf(app), []);
});

test('a subject that no provider should send is refused, and is not a server error', async (t) => {
  const app = await start(t);
  const ana = app.provider.people.get('100000000000000000001') ?? assert.fail();
  for (const sub of ['a\0b', 'x'.repeat(256), 'ä']) {
    app.provider.people.clear();
    app.provider.people.set(sub, { ...ana, sub });
    const page = await signInAs(createVisitor(), begin(app), ana.email);
    assert.equal(page.status, 403, page.body);
  }
  assert.deepEqual(await accountsOf(app), []);
});

test('a name is kept as far as it can be shown, without what turns the text around', async (t) => {
  const app = await start(t);
  const ana = app.provider.people.get('100000000000000000001') ?? assert.fail();
  const nameKept = async (name: string) => {
    app.provider.people.set(ana.sub, { ...ana, name });
    await signInAs(createVisitor(), begin(app), ana.email);
    return (await accountsOf(app))[0]?.display_name;
  };
  assert.equal(await nameKept('\u202eanA\u0007 \u2066García'), 'anA García');
  assert.equal(await nameKept('😀'.repeat(5_000)), '😀'.repeat(100));
  assert.equal(await nameKept('\u202e '), null);
});

test('a changed e-mail follows the person', async (t) => {
  const app = await start(t);
  await signInAs(createVisitor(), begin(app), 'ana@example.com');
  const ana = app.provider.people.get('100000000000000000001') ?? assert.fail();
  app.provider.people.set(ana.sub, { ...ana, email: 'Ana.Berg@example.com' });
  const page = await signInAs(createVisitor(), begin(app), 'Ana.Berg@example.com');
  assert.equal(page.body, 'signed in as ana.berg@example.com');
  const accounts = await accountsOf(app);
  assert.deepEqual(
    accounts.map(({ login, email }) => ({ login, email })),
    [{ login: 'ana.berg@example.com', email: 'Ana.Berg@example.com' }],
  );
});

test('a second account with a taken e-mail is refused, not merged', async (t) => {
  const app = await start(t);
  await signInAs(createVisitor(), begin(app), 'ana@example.com');
  const ana = app.provider.people.get('100000000000000000001') ?? assert.fail();
  app.provider.people.delete(ana.sub);
  app.provider.people.set('200', { ...ana, sub: '200' });
  const page = await signInAs(createVisitor(), begin(app), 'ana@example.com');
  assert.equal(page.status, 409);
  assert.match(JSON.parse(page.body).message, /Another account already has the e-mail address ana@example\.com/);
  assert.deepEqual(
    (await accountsOf(app)).map(({ subject }) => subject),
    [ana.sub],
  );
});

test('a disabled account cannot sign in', async (t) => {
  const app = await start(t);
  await signInAs(createVisitor(), begin(app), 'ana@example.com');
  await app.sql.run("update account set state = 'disabled'");
  const page = await signInAs(createVisitor(), begin(app), 'ana@example.com');
  assert.equal(page.status, 403);
  assert.match(JSON.parse(page.body).message, /is disabled here/);
});

test('after the sign-in the browser is where it wanted to go, below the prefix', async (t) => {
  const app = await start(t, { prefix: '/dockpass' });
  const visitor = createVisitor();
  const choice = await visitor.open(`${app.url}/passwords?state=live`);
  const [google] = JSON.parse(choice.body).providers;
  assert.deepEqual(google, {
    name: 'google',
    label: 'Google',
    href: '/dockpass/sign-in/google?return_to=%2Fdockpass%2Fpasswords%3Fstate%3Dlive',
  });
  const page = await signInAs(visitor, new URL(google.href, app.url), 'ana@example.com');
  assert.equal(page.url.pathname + page.url.search, '/dockpass/passwords?state=live');
  assert.equal((await visitor.open(`${app.url}/sign-in`)).url.pathname, '/dockpass/');
});

test('one browser signs in as one person after another', async (t) => {
  const app = await start(t);
  const visitor = createVisitor();
  assert.equal((await signInAs(visitor, begin(app), 'mallory@example.com')).status, 403);
  assert.equal((await signInAs(visitor, begin(app), 'ana@example.com')).body, 'signed in as ana@example.com');
  assert.equal((await signInAs(visitor, begin(app), 'bo@example.com')).body, 'signed in as bo@example.com');
});

test('two tabs sign in side by side', async (t) => {
  const app = await start(t);
  const visitor = createVisitor();
  const first = await visitor.open(begin(app));
  await visitor.open(begin(app));
  const page = await visitor.submit(first, first.url, { account: 'ana@example.com' });
  assert.equal(page.body, 'signed in as ana@example.com');
});

test('a tab that began before another one signed in ends where it wanted to, as whom it chose', async (t) => {
  const app = await start(t);
  const visitor = createVisitor();
  const [first, second, third] = [
    await visitor.open(begin(app)),
    await visitor.open(`${begin(app)}?return_to=/passwords/new`),
    await visitor.open(begin(app)),
  ];
  await visitor.submit(first, first.url, { account: 'ana@example.com' });
  const page = await visitor.submit(second, second.url, { account: 'ana@example.com' });
  assert.deepEqual([page.url.pathname, page.body], ['/passwords/new', 'signed in as ana@example.com']);
  const other = await visitor.submit(third, third.url, { account: 'bo@example.com' });
  assert.equal(other.body, 'signed in as bo@example.com');
  const again = await visitor.open(`${begin(app)}/callback?code=x&state=y`);
  assert.deepEqual(JSON.parse(again.body).action, { href: '/', label: 'Continue as bo@example.com' });
});

/** Chooses bo at the provider. @returns the callback's address, which the browser hasn't opened yet */
async function callbackOfBo(app: SignInApp, visitor: Visitor, query = ''): Promise<string> {
  const chooser = await visitor.open(begin(app) + query);
  const body = new URLSearchParams({ account: 'bo@example.com' });
  const chosen = await visitor.request(chooser.url, { method: 'POST', body });
  const answer = await visitor.request(chosen.headers.get('location') ?? '');
  const callback = answer.headers.get('location') ?? '';
  assert.match(callback, /\/sign-in\/google\/callback\?code=/);
  return callback;
}

test('a second copy of a callback redeems nothing and continues to where the first one leads', async (t) => {
  const redeemed: string[] = [];
  const app = await start(t, {}, {}, async (url, init) => {
    if (init.method === 'POST') redeemed.push(url);
    return fetch(url, init);
  });
  const visitor = createVisitor();
  const callback = await callbackOfBo(app, visitor, '?return_to=/passwords/new');
  const copies = await Promise.all([visitor.request(callback), visitor.request(callback), visitor.request(callback)]);
  assert.deepEqual(copies.map(({ status }) => status).sort(), [200, 200, 303]);
  const later = await visitor.request(callback);
  assert.equal(later.headers.get('refresh'), '2; url=/passwords/new');
  assert.deepEqual(await later.json(), { href: '/passwords/new' });
  assert.equal(redeemed.length, 1);
  assert.equal((await visitor.open(app.url)).body, 'signed in as bo@example.com');
});

test('a HEAD of a callback redeems nothing', async (t) => {
  const app = await start(t);
  const visitor = createVisitor();
  const callback = await callbackOfBo(app, visitor);
  assert.equal((await visitor.request(callback, { method: 'HEAD' })).status, 405);
  assert.equal((await visitor.open(callback)).body, 'signed in as bo@example.com');
});

test('an answer that this browser did not ask for is refused', async (t) => {
  const app = await start(t);
  const [victim, attacker] = [createVisitor(), createVisitor()];
  const callback = await callbackOfBo(app, attacker);
  const foreign = await victim.open(callback);
  assert.equal(foreign.status, 400);
  assert.match(JSON.parse(foreign.body).message, /started in another browser/);
  assert.deepEqual(JSON.parse(foreign.body).action, { href: '/sign-in/google', label: 'Start again' });

  const wrongState = await attacker.open(callback.replace(/state=[^&]+/, 'state=constructor'));
  assert.equal(wrongState.status, 400);
  assert.equal((await attacker.open(callback)).body, 'signed in as bo@example.com');
  assert.equal((await victim.open(callback)).status, 400);
});

test('a callback without code or error, or with a repeated one, begins nothing', async (t) => {
  const app = await start(t);
  const visitor = createVisitor();
  for (const query of ['', '?state=x', '?code=x', '?code=a&code=b&state=x', '?code=x&state=a&state=b']) {
    const response = await visitor.request(`${begin(app)}/callback${query}`);
    assert.deepEqual([response.status, response.headers.get('location')], [400, null], query);
  }
  assert.deepEqual(await app.sql.all('select * from web_session'), []);
});

test('cancelling at the provider leads to a page that offers to start again', async (t) => {
  const app = await start(t);
  const visitor = createVisitor();
  const chooser = await visitor.open(`${begin(app)}?return_to=/passwords/new`);
  const page = await visitor.submit(chooser, chooser.url, { cancel: 'yes' });
  assert.equal(page.status, 400);
  assert.match(JSON.parse(page.body).message, /you cancelled/);
  // With the page that was asked for, and another account: the provider would repeat its answer for this one.
  const href = '/sign-in/google?return_to=%2Fpasswords%2Fnew&another=yes';
  assert.deepEqual(JSON.parse(page.body).action, { href, label: 'Start again' });
});

test('a sign-in that is begun at another host name goes to the public URL first, one time', async (t) => {
  const app = await start(t);
  const visitor = createVisitor();
  const elsewhere = begin(app).replace('localhost', '127.0.0.1');
  const sent = await visitor.request(`${elsewhere}?return_to=/passwords/new&another=yes`);
  const location = sent.headers.get('location') ?? '';
  assert.equal(location, `${begin(app)}?return_to=%2Fpasswords%2Fnew&another=yes&at=public-url`);
  assert.deepEqual(sent.headers.getSetCookie(), [], 'no cookie is left at the other host');
  const chooser = await visitor.open(location);
  const page = await visitor.submit(chooser, chooser.url, { account: 'ana@example.com' });
  assert.deepEqual([page.url.pathname, page.body], ['/passwords/new', 'signed in as ana@example.com']);
  // A proxy that writes its own name into Host: the person comes back as before, and isn't sent on again.
  const again = await visitor.request(`${elsewhere}?at=public-url`);
  assert.equal(new URL(again.headers.get('location') ?? '').origin, new URL(app.provider.issuer).origin);
});

test('a provider can begin a sign-in with a form, and say who and where to; a strange target is no way out', async (t) => {
  const app = await start(t);
  const post = async (fields: Record<string, string>) => {
    const headers = { origin: 'https://portal.example', 'sec-fetch-site': 'cross-site' };
    const response = await createVisitor().request(begin(app), {
      ...{ method: 'POST', headers, body: new URLSearchParams({ iss: app.provider.issuer, ...fields }) },
    });
    return [response.status, response.headers.get('location')];
  };
  const mine = { target_link_uri: `${app.url}/access?q=1`, login_hint: 'ana@example.com' };
  assert.deepEqual(await post(mine), [303, '/sign-in/google?return_to=%2Faccess%3Fq%3D1&login_hint=ana%40example.com']);
  for (const target of [
    'https://evil.example/access',
    '//evil.example',
    `${app.url}.evil.example/`,
    'javascript:alert(1)',
  ]) {
    assert.deepEqual(await post({ target_link_uri: target }), [303, '/sign-in/google?return_to=%2F'], target);
  }
  const visitor = createVisitor();
  const away = await visitor.request(`${begin(app)}?${new URLSearchParams(mine)}`);
  assert.equal(new URL(away.headers.get('location') ?? '').searchParams.get('login_hint'), 'ana@example.com');
  const chooser = await visitor.open(`${begin(app)}?${new URLSearchParams(mine)}`);
  const page = await visitor.submit(chooser, chooser.url, { account: 'ana@example.com' });
  assert.equal(page.url.pathname + page.url.search, '/access?q=1');
});

test('an error that a provider sends without the state is in the log', async (t) => {
  const app = await start(t);
  const page = await createVisitor().open(`${begin(app)}/callback?error=access_denied`);
  assert.equal(page.status, 400);
  assert.ok(app.lines.some(({ fields }) => String(fields['cause']).includes('answered access_denied, without state')));
});

test('a sign-in that was begun more than ten minutes ago is not completed', async (t) => {
  let now = Date.now();
  const app = await start(t, { now: () => now });
  const visitor = createVisitor();
  await signInAs(visitor, begin(app), 'ana@example.com');
  const chooser = await visitor.open(begin(app));
  now += 600_000;
  const page = await visitor.submit(chooser, chooser.url, { account: 'bo@example.com' });
  assert.equal(page.status, 400);
  assert.match(JSON.parse(page.body).message, /sign-in expired/);
});

for (const [error, status, message] of [
  ['server_error', 503, /has a problem right now/],
  ['invalid_scope', 502, /\(invalid_scope\)\. Tell your administrator/],
  ['<b>Call 555</b>', 502, /refused what Dockpass asked for\. Tell your administrator/],
] as const) {
  test(`the provider's error "${error}" becomes a page`, async (t) => {
    const app = await start(t);
    const visitor = createVisitor();
    const begun = await visitor.request(begin(app));
    const state = new URL(begun.headers.get('location') ?? '').searchParams.get('state') ?? '';
    const query = new URLSearchParams({ error, state, error_description: 'Call 555' });
    const page = await visitor.open(`${begin(app)}/callback?${query}`);
    assert.equal(page.status, status);
    assert.match(JSON.parse(page.body).message, message);
    assert.doesNotMatch(page.body, /Call 555/);
  });
}

test('what is sent to the provider: state, nonce, PKCE, the domain, and no secret', async (t) => {
  const app = await start(t);
  const begun = await createVisitor().request(begin(app));
  const { searchParams: sent } = new URL(begun.headers.get('location') ?? '');
  assert.equal(sent.get('redirect_uri'), app.callbackUrl('google'));
  assert.equal(sent.get('scope'), 'openid email profile');
  assert.equal(sent.get('code_challenge_method'), 'S256');
  assert.match(sent.get('code_challenge') ?? '', /^[\w-]{43}$/);
  assert.match(sent.get('state') ?? '', /^[\w-]{32}$/);
  assert.match(sent.get('nonce') ?? '', /^[\w-]{32}$/);
  assert.deepEqual([sent.get('hd'), sent.get('prompt')], ['example.com', 'select_account']);
  assert.equal(sent.has('client_secret'), false);
});

test('a way to sign in that is not configured is not found', async (t) => {
  const app = await start(t);
  for (const path of ['/sign-in/keycloak', '/sign-in/keycloak/callback?code=x&state=y', '/sign-in/__proto__']) {
    assert.equal((await createVisitor().open(app.url + path)).status, 404, path);
  }
});
