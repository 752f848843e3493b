/** The browser session: its cookie, its row, and everything that ends it. */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { Request } from 'express';
import type { SessionData } from 'express-session';
import { createAuthority } from '../../src/identity/authority.ts';
import { openStore } from '../../src/store/open.ts';
import { createSessions } from '../../src/web/session.ts';
import { DatabaseSessions } from '../../src/web/session-store.ts';
import { type SignInApp, type SignInAppSettings, startGoogleApp } from '../support/sign-in-app.ts';
import { createVisitor, sessionCookieOf, signInAs, type Visitor } from '../support/visitor.ts';

type Row = {
  readonly id: string;
  readonly account_id: string | null;
  readonly data: string;
  readonly expires_at: number;
};

const rowsOf = ({ sql }: SignInApp) => sql.all<Row>('select * from web_session');
const start = Date.UTC(2026, 10, 23);

/** Ana is signed in; `clock.now` moves the app's clock, which begins at the real time because the provider has no other. */
async function signedIn(t: TestContext, changes: Partial<SignInAppSettings> = {}) {
  const clock = { now: Date.now() };
  const app = await startGoogleApp({ now: () => clock.now, ...changes });
  t.after(() => app.close());
  const visitor = createVisitor();
  await signInAs(visitor, `${app.url}/sign-in/google`, 'ana@example.com');
  return { app, visitor, clock };
}

/** Whom the app takes the visitor for. */
async function seenAs(app: SignInApp, visitor: Visitor): Promise<string> {
  const page = await visitor.open(app.url);
  return page.url.pathname === '/sign-in' ? 'a visitor' : page.body;
}

const ana = 'signed in as ana@example.com';

test('visitors who only look get no cookie and leave no row', async (t) => {
  const app = await startGoogleApp();
  t.after(() => app.close());
  const visitor = createVisitor();
  assert.equal(await seenAs(app, visitor), 'a visitor');
  assert.equal(visitor.cookie(app.url, sessionCookieOf(app.url)), undefined);
  assert.deepEqual(await rowsOf(app), []);
});

test('the sign-in starts a new session; the id from before is worth nothing', async (t) => {
  const app = await startGoogleApp();
  t.after(() => app.close());
  const visitor = createVisitor();
  await signInAs(visitor, `${app.url}/sign-in/google`, 'bo@example.com');
  const before = visitor.cookie(app.url, sessionCookieOf(app.url)) ?? assert.fail('bo has a session');
  await signInAs(visitor, `${app.url}/sign-in/google`, 'ana@example.com');
  assert.notEqual(visitor.cookie(app.url, sessionCookieOf(app.url)), before);
  assert.equal(await seenAs(app, visitor), ana);
  const attacker = createVisitor();
  attacker.setCookie(app.url, sessionCookieOf(app.url), before);
  assert.equal(await seenAs(app, attacker), 'a visitor');
  assert.equal((await rowsOf(app)).length, 1);
});

test('the row holds a hash of the id, the account, and nothing of the sign-in that led to it', async (t) => {
  const { app, visitor } = await signedIn(t);
  const [row, ...others] = await rowsOf(app);
  assert.deepEqual(others, []);
  const cookie = decodeURIComponent(visitor.cookie(app.url, sessionCookieOf(app.url)) ?? '');
  const id = cookie.slice('s:'.length, cookie.indexOf('.'));
  assert.match(id, /^[\w-]{32}$/);
  assert.ok(!JSON.stringify(row).includes(id));
  const [account] = await app.sql.all<{ id: string }>('select id from account');
  assert.equal(row?.account_id, account?.id);
  assert.deepEqual(Object.keys(JSON.parse(row?.data ?? '')), ['cookie', 'passport']);
});

test('a session ends when it was idle too long, and lives on while it is used', async (t) => {
  const { app, visitor, clock } = await signedIn(t, { idle: 3600, absolute: 86_400 });
  for (const _ of [1, 2]) {
    clock.now += 3_599_000;
    assert.equal(await seenAs(app, visitor), ana);
  }
  clock.now += 3_600_000;
  assert.equal(await seenAs(app, visitor), 'a visitor');
});

test('a session that is used again within a minute is not written again', async (t) => {
  const { app, visitor, clock } = await signedIn(t, { idle: 3600, absolute: 7200 });
  const expiry = async () => (await rowsOf(app))[0]?.expires_at;
  const begun = await expiry();
  clock.now += 59_000;
  assert.equal(await seenAs(app, visitor), ana);
  assert.equal(await expiry(), begun);
  clock.now += 2_000;
  assert.equal(await seenAs(app, visitor), ana);
  assert.equal(await expiry(), clock.now + 3_600_000);
});

test('of a short idle limit, no more than a tenth is lost', async (t) => {
  const { app, visitor, clock } = await signedIn(t, { idle: 60, absolute: 3600 });
  for (const step of [5_000, 54_000, 6_000, 59_000]) {
    clock.now += step;
    assert.equal(await seenAs(app, visitor), ana);
  }
  clock.now += 60_000;
  assert.equal(await seenAs(app, visitor), 'a visitor');
});

test('an idle limit that was made shorter counts from the next request on', async (t) => {
  const store = await openStore('sqlite::memory:', () => {});
  t.after(() => store.close());
  const id = createHash('sha256').update('sid').digest('base64url');
  const data = { cookie: { originalMaxAge: null }, passport: { user: { accountId: 'a', signedInAt: 0 } } };
  await store.sessions.write(id, { accountId: null, data: JSON.stringify(data), expiresAt: 3_600_000 });
  const used = async (idle: number) => {
    const sessions = new DatabaseSessions(store.sessions, { idle, absolute: 100_000 }, () => 1_000, assert.ifError);
    const read = await new Promise<SessionData | null | undefined>((done) =>
      sessions.get('sid', (_, one) => done(one)),
    );
    const running = sessions.createSession({} as Request, read ?? assert.fail('the session is there'));
    await new Promise((done) => sessions.touch('sid', running, done));
    return (await store.sessions.read(id, 0))?.expires_at;
  };
  assert.equal(await used(3600), 3_600_000);
  assert.equal(await used(600), 601_000);
});

test('a session whose use cannot be stored is a line in the log, and no error of the page', async (t) => {
  const { app, visitor, clock } = await signedIn(t);
  clock.now += 120_000;
  const { run } = app.sql;
  app.sql.run = (text, values) =>
    text.startsWith('update web_session') ? Promise.reject(new Error('only reads')) : run(text, values);
  assert.equal(await seenAs(app, visitor), ana);
  const late = app.lines.filter(({ message }) => message === 'a session was not extended by its use');
  assert.equal(late.length, 1);
});

test('a session ends at the absolute limit, however much it is used', async (t) => {
  const { app, visitor, clock } = await signedIn(t, { idle: 3600, absolute: 7200 });
  for (const _ of [1, 2, 3]) {
    clock.now += 2_300_000;
    assert.equal(await seenAs(app, visitor), ana);
  }
  clock.now += 300_000;
  assert.equal(await seenAs(app, visitor), 'a visitor');
});

test("a disabled account's session ends at its next request", async (t) => {
  const { app, visitor } = await signedIn(t);
  await app.sql.run("update account set state = 'disabled'");
  assert.equal(await seenAs(app, visitor), 'a visitor');
  await app.sql.run("update account set state = 'active'");
  assert.equal(await seenAs(app, visitor), 'a visitor');
});

test('signing out removes the row and the cookie; GET does not sign out', async (t) => {
  const { app, visitor } = await signedIn(t);
  const cookie = visitor.cookie(app.url, sessionCookieOf(app.url)) ?? '';
  await visitor.open(`${app.url}/sign-out`);
  const home = await visitor.open(app.url);
  assert.equal(home.body, ana);
  const page = await visitor.submit(home, '/sign-out', {});
  assert.equal(page.url.pathname, '/sign-in');
  assert.equal(visitor.cookie(app.url, sessionCookieOf(app.url)), undefined);
  assert.deepEqual(await rowsOf(app), []);
  visitor.setCookie(app.url, sessionCookieOf(app.url), cookie);
  assert.equal(await seenAs(app, visitor), 'a visitor');
  assert.deepEqual(
    app.audited.map(({ action, actor }) => [action, actor]),
    [
      ['sign-in', 'ana@example.com'],
      ['sign-out', 'ana@example.com'],
    ],
  );
});

test('two Dockpass on one host, at two ports or two paths, leave each other’s sessions and sign-ins alone', async (t) => {
  const { app, visitor } = await signedIn(t);
  const staging = await startGoogleApp({ prefix: '/staging' });
  t.after(() => staging.close());
  const other = `${new URL(staging.url).origin}/other`;
  for (const url of [app.url, `${app.url}/other`, other]) {
    assert.notEqual(sessionCookieOf(staging.url), sessionCookieOf(url), url);
  }
  const begun = await visitor.open(`${app.url}/sign-in/google?another=yes`);
  await signInAs(visitor, `${staging.url}/sign-in/google`, 'bo@example.com');
  assert.equal(await seenAs(app, visitor), ana);
  assert.equal((await visitor.open(staging.url)).body, 'signed in as bo@example.com');
  const page = await visitor.submit(begun, begun.url, { account: 'ana@example.com' });
  assert.equal(page.body, ana, 'what was begun here is completed here');
});

test('a session whose cookie still has the name of earlier versions goes on, and ends with its sign-out', async (t) => {
  const { app, visitor } = await signedIn(t);
  const name = sessionCookieOf(app.url);
  const earlier = createVisitor();
  earlier.setCookie(app.url, 'dockpass', visitor.cookie(app.url, name) ?? '');
  const page = await earlier.open(app.url);
  assert.equal(page.body, ana);
  await earlier.submit(page, '/sign-out', {});
  assert.equal(earlier.cookie(app.url, 'dockpass'), undefined);
  assert.equal(await seenAs(app, visitor), 'a visitor');
});

test('a session that ends while one of its requests still runs does not come back when that is saved', async (t) => {
  const store = await openStore('sqlite::memory:', () => {});
  t.after(() => store.close());
  const sessions = new DatabaseSessions(store.sessions, { idle: 60, absolute: 60 }, Date.now, assert.ifError);
  const save = (data: SessionData) => new Promise<unknown>((resolve) => sessions.set('sid', data, resolve));
  const read = () =>
    new Promise<SessionData | null | undefined>((resolve) => sessions.get('sid', (_error, data) => resolve(data)));

  await save({ cookie: { originalMaxAge: null } });
  const running = sessions.createSession({} as Request, (await read()) as SessionData);
  await new Promise((resolve) => sessions.destroy('sid', resolve));
  await save(running);
  assert.equal(await read(), null);
});

test('a visitor who sends a form is refused, not sent around', async (t) => {
  const app = await startGoogleApp();
  t.after(() => app.close());
  const response = await createVisitor().request(`${app.url}/passwords`, { method: 'POST' });
  assert.deepEqual([response.status, response.headers.get('location')], [401, null]);
});

test('on http the cookies are plain, on https they are bound to the host', async (t) => {
  const cookies = async (changes: Partial<SignInAppSettings>, headers: Record<string, string>) => {
    const app = await startGoogleApp(changes);
    t.after(() => app.close());
    const visitor = createVisitor();
    const begun = await visitor.request(`${app.url}/sign-in/google`, { headers });
    if (begun.status !== 302) return begun.status;
    const chooser = await visitor.open(begun.headers.get('location') ?? '');
    const body = new URLSearchParams({ account: 'ana@example.com' });
    const chosen = await visitor.request(chooser.url, { method: 'POST', body });
    const callback = (await visitor.request(chosen.headers.get('location') ?? '')).headers.get('location') ?? '';
    const ended = await visitor.request(callback, { headers });
    const lines = [...begun.headers.getSetCookie(), ...ended.headers.getSetCookie()];
    return lines.map((line) => line.replace(/-[\w-]{8}(-[\w-]{10})?=[^;]+/, '=...'));
  };
  assert.deepEqual(await cookies({}, {}), [
    'dockpass=...; Max-Age=600; Path=/; HttpOnly; SameSite=Lax',
    'dockpass=...; Path=/; HttpOnly; SameSite=Lax',
  ]);
  assert.deepEqual(await cookies({ secure: true, prefix: '/dockpass' }, { 'x-forwarded-proto': 'https' }), [
    '__Host-dockpass=...; Max-Age=600; Path=/; HttpOnly; Secure; SameSite=Lax',
    '__Host-dockpass=...; Path=/; HttpOnly; Secure; SameSite=Lax',
  ]);
  // The browser would drop the cookie, and the sign-in would fail at its end.
  assert.equal(await cookies({ secure: true }, {}), 500);
});

test('cookies are signed; a secret that was put behind a new one still verifies', async (t) => {
  const { app, visitor } = await signedIn(t, { secrets: ['new-secret', 'old-secret'] });
  const cookie = visitor.cookie(app.url, sessionCookieOf(app.url)) ?? '';
  visitor.setCookie(
    app.url,
    sessionCookieOf(app.url),
    cookie.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
  );
  assert.equal(await seenAs(app, visitor), 'a visitor');
  const id = decodeURIComponent(cookie).slice('s:'.length).split('.')[0] ?? '';
  const signature = createHmac('sha256', 'old-secret').update(id).digest('base64').replace(/=+$/, '');
  visitor.setCookie(app.url, sessionCookieOf(app.url), encodeURIComponent(`s:${id}.${signature}`));
  assert.equal(await seenAs(app, visitor), ana);
});

test('expired rows are removed in the background, by a timer that holds no process', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const store = await openStore('sqlite::memory:', assert.ifError);
  t.after(() => store.close());
  let now = start;
  const { promise: pruned, resolve } = Promise.withResolvers<number>();
  const sessions = createSessions({
    authority: createAuthority([]),
    ...{
      accounts: store.accounts,
      secrets: ['x'],
      secure: false,
      publicUrl: 'http://localhost:5001',
      prefix: '',
      idle: 60,
      absolute: 60,
      now: () => now,
    },
    requesterOf: () => ({ address: '192.0.2.1', userAgent: 'test', requestId: 'r' }),
    sessions: {
      ...store.sessions,
      async removeExpired(at) {
        const count = await store.sessions.removeExpired(at);
        resolve(count);
        return count;
      },
    },
    log: { debug() {}, info() {}, warn: assert.fail, error: assert.fail },
  });
  t.after(() => sessions.close());
  await store.sessions.write('over', { accountId: null, data: '{}', expiresAt: start + 1 });
  await store.sessions.write('lives', { accountId: null, data: '{}', expiresAt: start + 3_600_000 });
  now += 600_000;
  t.mock.timers.tick(600_000);
  assert.equal(await pruned, 1);
  assert.equal((await store.sessions.read('lives', now))?.data, '{}');
});
