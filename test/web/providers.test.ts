/** Several providers side by side: each with its own button and callback path, and none can take the page down. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createGoogleConnector } from '../../src/sign-in/google/google.ts';
import { createOidcConnector, type OidcSettings } from '../../src/sign-in/oidc.ts';
import type { Account } from '../../src/store/accounts.ts';
import { type DemoProvider, startProvider } from '../support/provider.ts';
import { createSent, groupsClaim } from '../support/sent.ts';
import { type SignInApp, type SignInAppSettings, startSignInApp } from '../support/sign-in-app.ts';
import { createVisitor, signInAs } from '../support/visitor.ts';

const client = { clientId: 'dockpass', clientSecret: 'demo-secret' };

/** Google and a company's provider, both played by one demo provider, and a third that answers nobody. */
async function start(
  t: TestContext,
  sso: Partial<OidcSettings> = {},
  afterSignIn: SignInAppSettings['afterSignIn'] = async () => {},
): Promise<{ app: SignInApp; provider: DemoProvider }> {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const { promise, resolve } = Promise.withResolvers<DemoProvider>();
  const app = await startSignInApp({
    afterSignIn,
    async connectors(callbackUrl) {
      const callbackUrls = ['google', 'sso'].map(callbackUrl);
      const provider = await startProvider({
        port: 0,
        clients: [{ id: client.clientId, secret: client.clientSecret, callbackUrls }],
      });
      resolve(provider);
      const oidc: OidcSettings = {
        ...{ ...client, name: 'sso', label: 'Company SSO', issuer: provider.issuer, callbackUrl: callbackUrl('sso') },
        ...{
          scopes: ['openid', 'email', 'profile', 'groups'],
          groups: groupsClaim('groups', 'sso'),
          emailClaim: 'email',
          authMethod: 'auto',
          domains: [],
        },
        ...{ requireVerifiedEmail: true, allowInsecureIssuer: true, refreshTokens: false, ...sso },
      };
      const parts = { fetch, sent: createSent(), now: Date.now };
      const silentIssuer = `http://localhost:${(silent.address() as AddressInfo).port}`;
      return [
        createGoogleConnector(
          {
            ...{ ...client, domains: ['example.com'], anyAccount: false, callbackUrl: callbackUrl('google') },
            ...{ authorizationUrl: provider.authorizationUrl, tokenUrl: provider.tokenUrl, jwksUrl: provider.jwksUrl },
            ...{ revocationUrl: provider.revocationUrl, refreshTokens: false },
            issuers: [`${provider.issuer}/google`, provider.issuer],
          },
          parts,
        ),
        createOidcConnector(oidc, parts),
        createOidcConnector(
          { ...oidc, name: 'silent', label: 'Silent', issuer: silentIssuer },
          { ...parts, timeout: 50 },
        ),
      ];
    },
  });
  const provider = await promise;
  t.after(async () => {
    await app.close();
    await provider.close();
    silent.closeAllConnections();
    silent.close();
  });
  return { app, provider };
}

const groupsOf = async ({ sql }: SignInApp) =>
  (await sql.all<Account>('select * from account')).map(({ provider, groups_json, groups_at }) => ({
    provider,
    groups: JSON.parse(groups_json),
    known: groups_at !== null,
  }));

test('the page has a button each', async (t) => {
  const { app } = await start(t);
  const page = await createVisitor().open(`${app.url}/sign-in`);
  assert.deepEqual(JSON.parse(page.body).providers, [
    { name: 'google', label: 'Google', href: '/sign-in/google' },
    { name: 'sso', label: 'Company SSO', href: '/sign-in/sso' },
    { name: 'silent', label: 'Silent', href: '/sign-in/silent' },
  ]);
});

test('groups of the claim are stored with their age and follow at the next sign-in', async (t) => {
  const { app, provider } = await start(t);
  assert.equal(
    (await signInAs(createVisitor(), `${app.url}/sign-in/sso`, 'ana@example.com')).body,
    'signed in as ana@example.com',
  );
  assert.deepEqual(await groupsOf(app), [{ provider: 'sso', groups: ['sso:platform'], known: true }]);
  const ana = provider.people.get('100000000000000000001') ?? assert.fail();
  provider.people.set(ana.sub, { ...ana, groups: [] });
  await signInAs(createVisitor(), `${app.url}/sign-in/sso`, 'ana@example.com');
  assert.deepEqual(await groupsOf(app), [{ provider: 'sso', groups: [], known: true }]);
});

test('a missing claim leaves unknown groups unknown', async (t) => {
  const { app } = await start(t, { groups: groupsClaim('realm_access.roles', 'sso') });
  await signInAs(createVisitor(), `${app.url}/sign-in/sso`, 'bo@example.com');
  assert.deepEqual(await groupsOf(app), [{ provider: 'sso', groups: [], known: false }]);
});

test("one provider's person is not another's, even with the same e-mail", async (t) => {
  const { app } = await start(t);
  await signInAs(createVisitor(), `${app.url}/sign-in/google`, 'ana@example.com');
  const page = await signInAs(createVisitor(), `${app.url}/sign-in/sso`, 'ana@example.com');
  assert.equal(page.status, 409);
  assert.deepEqual(await groupsOf(app), [{ provider: 'google', groups: [], known: false }]);
});

test("an answer is taken only at its own provider's callback (mix-up, RFC 9700 section 4.4)", async (t) => {
  const { app } = await start(t);
  const visitor = createVisitor();
  const begun = await visitor.request(`${app.url}/sign-in/google`);
  const state = new URL(begun.headers.get('location') ?? '').searchParams.get('state');
  const page = await visitor.open(`${app.url}/sign-in/sso/callback?code=x&state=${state}`);
  assert.equal(page.status, 400);
  assert.match(JSON.parse(page.body).message, /started in another browser/);
});

test('a reloaded callback leaves the refresh token alone: the provider never sees the code a second time', async (t) => {
  const kept: string[] = [];
  const { app, provider } = await start(t, { refreshTokens: true }, async (_admitted, { refreshToken }) => {
    if (refreshToken !== null) kept.push(refreshToken);
  });
  const visitor = createVisitor();
  const chooser = await visitor.open(`${app.url}/sign-in/sso`);
  const body = new URLSearchParams({ account: 'ana@example.com' });
  const chosen = await visitor.request(chooser.url, { method: 'POST', body });
  const answer = await visitor.request(chosen.headers.get('location') ?? '');
  const callback = answer.headers.get('location') ?? '';
  const copies = await Promise.all([visitor.request(callback), visitor.request(callback)]);
  assert.deepEqual(copies.map(({ status }) => status).sort(), [200, 303]);
  const refreshed = await fetch(provider.tokenUrl, {
    method: 'POST',
    body: new URLSearchParams({
      ...{ grant_type: 'refresh_token', refresh_token: kept[0] ?? assert.fail('no refresh token') },
      ...{ client_id: client.clientId, client_secret: client.clientSecret },
    }),
  });
  assert.equal(refreshed.status, 200, await refreshed.text());
});

test('choosing another account makes the provider ask again', async (t) => {
  const { app } = await start(t);
  const promptOf = async (path: string) => {
    const begun = await createVisitor().request(app.url + path);
    return new URL(begun.headers.get('location') ?? '').searchParams.get('prompt');
  };
  assert.equal(await promptOf('/sign-in/sso'), null);
  assert.equal(await promptOf('/sign-in/sso?another=yes'), 'login');
});

test('after a sign-out the next sign-in asks who it is, one time, and the page says so', async (t) => {
  const { app } = await start(t);
  const visitor = createVisitor();
  const prompt = async () =>
    new URL((await visitor.request(`${app.url}/sign-in/sso`)).headers.get('location') ?? '').searchParams.get('prompt');
  const home = await signInAs(visitor, `${app.url}/sign-in/sso`, 'ana@example.com');
  assert.equal(await prompt(), null, 'someone who never signed out isn’t asked');
  const page = await visitor.submit(home, '/sign-out', {});
  assert.equal(JSON.parse(page.body).signedOut, true);
  assert.equal(await prompt(), 'login');
  await signInAs(visitor, `${app.url}/sign-in/sso`, 'ana@example.com');
  assert.equal(await prompt(), null);
});

test('a provider that does not answer has a page that says so; the others go on', async (t) => {
  const { app } = await start(t);
  const visitor = createVisitor();
  const page = await visitor.open(`${app.url}/sign-in/silent`);
  assert.equal(page.status, 503);
  assert.equal(page.headers.get('retry-after'), '60');
  assert.deepEqual(JSON.parse(page.body), {
    title: 'Signing in does not work right now',
    message: 'Silent does not answer right now. Try again in a minute.',
    hint: 'The passwords that you have keep working.',
    action: { href: '/sign-in/silent', label: 'Start again' },
  });
  assert.deepEqual(await app.sql.all('select * from web_session'), []);
  assert.equal(
    (await signInAs(visitor, `${app.url}/sign-in/google`, 'bo@example.com')).body,
    'signed in as bo@example.com',
  );
});
