/** What makes a sign-in fresh: the provider's signed word, and what counts before a provider has ever given it. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createOidcConnector } from '../../src/sign-in/oidc.ts';
import { type Answers, createAnyProvider, signInThrough } from '../support/any-provider.ts';
import { createSent } from '../support/sent.ts';
import { type SignInApp, startSignInApp } from '../support/sign-in-app.ts';
import { createVisitor } from '../support/visitor.ts';

async function start(t: TestContext, changes: Partial<Answers> = {}) {
  const provider = await createAnyProvider(changes);
  const clock = { now: Date.now() };
  const app = await startSignInApp({
    connectors: (callbackUrl) => [
      createOidcConnector(provider.settings(callbackUrl('sso')), {
        sent: createSent(),
        fetch: provider.fetch,
        now: () => clock.now,
      }),
    ],
    now: () => clock.now,
  });
  t.after(() => app.close());
  return { app, provider, clock, visitor: createVisitor(), begin: `${app.url}/sign-in/sso` };
}

type Kept = { readonly signedInAt: number; readonly authenticatedAt: number | null };

/** Of the one session there is. */
async function sessionOf({ sql }: SignInApp): Promise<Kept> {
  const [row, ...others] = await sql.all<{ data: string }>('select data from web_session');
  assert.deepEqual(others, []);
  return JSON.parse(row?.data ?? assert.fail('no session')).passport.user;
}

const seconds = (milliseconds: number) => Math.floor(milliseconds / 1000);

test('a fresh sign-in sends max_age and prompt=login, a usual one neither', async (t) => {
  const { visitor, begin } = await start(t);
  const { sent: usual } = await signInThrough(visitor, begin);
  assert.deepEqual([usual.get('max_age'), usual.get('prompt')], [null, null]);
  const { sent: fresh } = await signInThrough(visitor, `${begin}?fresh=yes`);
  assert.deepEqual([fresh.get('max_age'), fresh.get('prompt')], ['900', 'login']);
  assert.equal(fresh.get('login_hint'), 'ana@example.com');
});

test('the session keeps when it began and when the provider authenticated the person', async (t) => {
  const { app, provider, clock, visitor, begin } = await start(t);
  const yesterday = seconds(clock.now) - 86_400;
  provider.answers.claims = { auth_time: yesterday };
  const { page } = await signInThrough(visitor, begin);
  assert.equal(
    page.body,
    'signed in as ana@example.com',
    'a long sign-in at the provider is no reason to refuse one here',
  );
  const { signedInAt, authenticatedAt } = await sessionOf(app);
  assert.deepEqual([signedInAt, authenticatedAt], [clock.now, yesterday * 1000]);
});

test('a provider that answers a fresh sign-in without asking again is not believed, and the session stays', async (t) => {
  const { app, provider, clock, visitor, begin } = await start(t);
  await signInThrough(visitor, begin);
  const before = await sessionOf(app);
  provider.answers.claims = { auth_time: seconds(clock.now) - 86_400 };
  const { page } = await signInThrough(visitor, `${begin}?fresh=yes&return_to=/admin`);
  assert.equal(page.status, 400);
  assert.match(JSON.parse(page.body).message, /did not authenticate you again.*Start again/);
  assert.deepEqual(await sessionOf(app), before);
  provider.answers.claims = { auth_time: seconds(clock.now) - 5 };
  await signInThrough(visitor, `${begin}?fresh=yes&return_to=/admin`);
  assert.equal((await sessionOf(app)).authenticatedAt, (seconds(clock.now) - 5) * 1000);
});

test('prompt and max_age taken out of the address change nothing: the signed time decides', async (t) => {
  const { app, provider, clock, visitor, begin } = await start(t);
  provider.answers.claims = { auth_time: seconds(clock.now) - 3_600 };
  await signInThrough(visitor, begin);
  assert.equal((await sessionOf(app)).authenticatedAt, (seconds(clock.now) - 3_600) * 1000);
});

test('until a provider has sent auth_time the button decides; from then on it is required', async (t) => {
  const { app, provider, clock, visitor, begin } = await start(t);
  await signInThrough(visitor, begin);
  assert.equal((await sessionOf(app)).authenticatedAt, null, 'a silent sign-in shows nothing');
  await signInThrough(visitor, `${begin}?fresh=yes`);
  assert.equal((await sessionOf(app)).authenticatedAt, clock.now);
  provider.answers.claims = { auth_time: seconds(clock.now) };
  await signInThrough(visitor, begin);
  provider.answers.claims = {};
  const { page } = await signInThrough(visitor, `${begin}?fresh=yes`);
  assert.equal(page.status, 502);
  assert.match(JSON.parse(page.body).message, /did not say when it authenticated you.*Tell your administrator/);
  await signInThrough(visitor, begin);
  assert.equal((await sessionOf(app)).authenticatedAt, null);
});

test('auth_time that is not a number of seconds is refused, and one from the future shows nothing', async (t) => {
  const { app, provider, clock, visitor, begin } = await start(t);
  for (const auth_time of ['1764000000', null, -1, {}]) {
    provider.answers.claims = { auth_time };
    assert.equal((await signInThrough(visitor, begin)).page.status, 502, String(auth_time));
  }
  for (const auth_time of [seconds(clock.now) + 3_600, clock.now]) {
    provider.answers.claims = { auth_time };
    await signInThrough(visitor, begin);
    assert.equal(
      (await sessionOf(app)).authenticatedAt,
      null,
      'an hour ahead, or milliseconds: it would be fresh forever',
    );
  }
  provider.answers.claims = { auth_time: seconds(clock.now) + 20 };
  await signInThrough(visitor, begin);
  assert.equal((await sessionOf(app)).authenticatedAt, clock.now, 'clocks differ');
});

test('a fresh sign-in has to return the same person', async (t) => {
  const { app, provider, visitor, begin } = await start(t);
  await signInThrough(visitor, begin);
  const before = await sessionOf(app);
  provider.answers.claims = { sub: '8', email: 'bo@example.com' };
  const { page } = await signInThrough(visitor, `${begin}?fresh=yes`);
  assert.equal(page.status, 403);
  assert.match(JSON.parse(page.body).message, /signed in as ana@example\.com, but Company SSO answered for another/);
  assert.deepEqual(await sessionOf(app), before);
  assert.deepEqual(
    (await app.sql.all<{ login: string }>('select login from account')).map(({ login }) => login),
    ['ana@example.com'],
  );
});

test('a fresh sign-in in a browser where no one is signed in is a usual one', async (t) => {
  const { visitor, begin } = await start(t);
  const { sent, page } = await signInThrough(visitor, `${begin}?fresh=yes`);
  assert.equal(sent.get('max_age'), null);
  assert.equal(page.body, 'signed in as ana@example.com');
});
