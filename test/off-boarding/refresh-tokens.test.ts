/** Refresh tokens from sign-in to removal, at a provider that rotates them and takes reuse for theft. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createCipher } from '../../src/lib/cipher.ts';
import { createLog } from '../../src/lib/log.ts';
import { createOffBoarding, type OffBoarding } from '../../src/off-boarding/off-boarding.ts';
import { createSources } from '../../src/off-boarding/sources.ts';
import type { Connector } from '../../src/sign-in/connector.ts';
import { createGoogleConnector } from '../../src/sign-in/google/google.ts';
import { createOidcConnector } from '../../src/sign-in/oidc.ts';
import { createStore } from '../../src/store/store.ts';
import { collectingAudit, unaudited } from '../support/audit.ts';
import { type DemoProvider, startProvider } from '../support/provider.ts';
import { account as accountRow, newPassword } from '../support/rows.ts';
import { createSent, groupsClaim } from '../support/sent.ts';
import { type SignInApp, startSignInApp } from '../support/sign-in-app.ts';
import { createVisitor, type Page, signInAndCount } from '../support/visitor.ts';

const hour = 3_600_000;
const anaId = '100000000000000000001';
const client = { clientId: 'dockpass', clientSecret: 'demo-secret' };

type Scene = {
  readonly app: SignInApp;
  readonly provider: DemoProvider;
  readonly clock: { at: number };
  readonly fetched: string[];
  readonly offBoarding: (keys?: readonly string[]) => OffBoarding;
  readonly store: ReturnType<typeof createStore>;
  /** @returns the last page, and whether the provider was asked a second time, for its consent page */
  signIn(provider: string): Promise<Page & { readonly consent: boolean }>;
  sweep(keys?: readonly string[]): ReturnType<OffBoarding['sweep']>;
  account(): Promise<NonNullable<Awaited<ReturnType<ReturnType<typeof createStore>['accounts']['byLogin']>>>>;
};

async function start(t: TestContext): Promise<Scene> {
  const fetched: string[] = [];
  const clock = { at: Date.now() };
  const now = () => clock.at;
  let provider: DemoProvider | undefined;
  let connectors: Connector[] = [];
  const app = await startSignInApp({
    async connectors(callbackUrl) {
      const callbackUrls = ['google', 'sso'].map(callbackUrl);
      provider = await startProvider({
        port: 0,
        clients: [
          { id: client.clientId, secret: client.clientSecret, callbackUrls, logoutUrl: 'http://localhost/logout' },
        ],
      });
      const { issuer, authorizationUrl, tokenUrl, jwksUrl, revocationUrl } = provider;
      const parts = {
        now: Date.now,
        fetch: (url: string, init: RequestInit) => {
          fetched.push(url);
          return fetch(url, init);
        },
      };
      const connectorParts = { ...parts, sent: createSent() };
      const google = {
        ...{ ...client, domains: ['example.com'], anyAccount: false, callbackUrl: callbackUrl('google') },
        ...{
          authorizationUrl,
          tokenUrl,
          jwksUrl,
          revocationUrl,
          refreshTokens: true,
          issuers: [`${issuer}/g`, issuer],
        },
      };
      const sso = {
        ...{ ...client, name: 'sso', label: 'SSO', issuer, callbackUrl: callbackUrl('sso'), domains: [] },
        ...{ scopes: ['openid', 'email', 'profile', 'groups'], groups: groupsClaim('groups', 'sso') },
        ...{
          requireVerifiedEmail: true,
          allowInsecureIssuer: true,
          refreshTokens: true,
          emailClaim: 'email',
          authMethod: 'auto' as const,
        },
      };
      connectors = [createGoogleConnector(google, connectorParts), createOidcConnector(sso, connectorParts)];
      return connectors;
    },
    afterSignIn: (...told) => offBoarding().afterSignIn(...told),
    needsToken: (profile) => offBoarding().needsToken(profile),
  });
  const store = createStore(app.sql);
  const audit = collectingAudit([]);
  const offBoarding: Scene['offBoarding'] = (keys = ['k'.repeat(32)]) =>
    createOffBoarding({
      ...{ store, cipher: createCipher(keys), connectors, directories: new Map(), audit, now },
      ...{ log: createLog('silent'), sent: createSent(), wait: async () => {} },
    });
  t.after(async () => {
    await app.close();
    await provider?.close();
  });
  return {
    ...{ app, provider: provider ?? assert.fail(), clock, fetched, offBoarding, store },
    async signIn(name) {
      const visitor = createVisitor();
      const { page, times } = await signInAndCount(visitor, `${app.url}/sign-in/${name}`, 'ana@example.com');
      const ana = await store.accounts.byLogin('ana@example.com');
      const dates = { created_at: clock.at, expires_at: clock.at + 1_000 * hour };
      if (ana) await store.passwords.insert(newPassword(ana.id, dates), 5, unaudited).catch(() => {});
      return { ...page, consent: times > 1 };
    },
    sweep(keys) {
      clock.at += hour;
      return offBoarding(keys).sweep({ dryRun: false, beyondLimit: false, age: hour / 2 });
    },
    account: async () => (await store.accounts.byLogin('ana@example.com')) ?? assert.fail(),
  };
}

for (const name of ['google', 'sso']) {
  test(`${name}: the token is kept sealed, rotates with each sweep, and groups follow`, async (t) => {
    const { signIn, sweep, store, account, provider, clock, app } = await start(t);
    await signIn(name);
    const { id } = await account();
    const sealed = async () => (await store.refreshTokens.ofAccount(id))?.sealed ?? assert.fail();
    const first = await sealed();
    assert.match(first, /^v1\.[\w-]{8}\.[\w-]{16}\.[\w-]+$/);
    for (let count = 0; count < 3; count++) assert.equal((await sweep()).people[0]?.outcome, 'confirmed');
    assert.notEqual(await sealed(), first);
    assert.equal((await account()).confirmed_at, clock.at);
    const ana = provider.people.get(anaId) ?? assert.fail();
    provider.people.set(anaId, { ...ana, groups: ['night'] });
    await sweep();
    assert.equal((await account()).groups_json, name === 'sso' ? '["sso:night"]' : '[]');
    assert.ok(!JSON.stringify(app.audited).includes((await sealed()).slice(20)));
  });

  test(`${name}: whom the provider refuses has to sign in again, which is enough`, async (t) => {
    const { signIn, sweep, account, provider } = await start(t);
    await signIn(name);
    const ana = provider.people.get(anaId) ?? assert.fail();
    provider.people.set(anaId, { ...ana, suspended: true });
    assert.equal((await sweep()).people[0]?.outcome, 'sign-in');
    const { state, state_reason: reason } = await account();
    assert.equal(state, 'reauth_required');
    assert.match(reason ?? '', /answered invalid_grant(: .+)?$/);
    assert.equal((await sweep()).due, 0, 'not asked about again');
    provider.people.set(anaId, ana);
    assert.equal((await signIn(name)).body, 'signed in as ana@example.com');
    assert.equal((await account()).state, 'active');
    assert.equal((await sweep()).people[0]?.outcome, 'confirmed');
  });

  test(`${name}: of whom an administrator disables, the provider forgets the token with the next sweep`, async (t) => {
    const { signIn, offBoarding, sweep, store, account, fetched, provider, clock } = await start(t);
    await signIn(name);
    const ana = await account();
    await store.accounts.setState(
      ana.id,
      { state: 'disabled', reason: 'left', by: 'root@example.com', at: clock.at },
      unaudited,
    );
    fetched.length = 0;
    await sweep();
    assert.deepEqual(
      fetched.filter((url) => !url.includes('/.well-known/')),
      [provider.revocationUrl],
    );
    assert.equal(await store.refreshTokens.ofAccount(ana.id), undefined);
    assert.deepEqual((await offBoarding().refresh(ana, { actor: 'test', client: null })).kind, 'unasked');
    assert.equal((await account()).confirmed_at, null, 'and nothing ends by silence');
  });
}

test('a groups claim that does not come is said, and the groups that were known grow old', async (t) => {
  const { signIn, sweep, account, provider } = await start(t);
  await signIn('sso');
  const { groups_at: toldAt } = await account();
  const { groups: _, ...ana } = provider.people.get(anaId) ?? assert.fail();
  provider.people.set(anaId, ana);
  const { people } = await sweep();
  assert.deepEqual([people[0]?.outcome, people[0]?.reason], ['confirmed', 'SSO sent no groups claim']);
  const { groups_json: groups, groups_at: at, groups_problem: problem } = await account();
  assert.deepEqual([groups, at, problem], ['["sso:platform"]', toldAt, 'SSO sent no groups claim']);
});

test('a refresh that leaves the groups claim out takes the groups away, once a refresh has brought it', async (t) => {
  const { signIn, sweep, account, provider, clock } = await start(t);
  await signIn('sso');
  await sweep();
  const { groups: _, ...ana } = provider.people.get(anaId) ?? assert.fail();
  provider.people.set(anaId, ana);
  await sweep();
  const { groups_json: groups, groups_at: at, groups_problem: problem } = await account();
  assert.deepEqual([groups, at, problem], ['[]', clock.at, null]);
});

for (const [provider, label] of [
  ['sso', 'SSO'],
  ['google', 'Google'],
] as const) {
  test(`${label}: a refresh that reports another address, or one that is not verified, asks for a sign-in`, async (t) => {
    const { signIn, sweep, provider: played, account, store } = await start(t);
    const ana = played.people.get(anaId) ?? assert.fail();
    for (const [change, reason] of [
      [{ email: 'ana.berg@example.com' }, `${label} reports another e-mail address`],
      [{ email_verified: false }, `${label} reports that the e-mail address is not verified`],
    ] as const) {
      played.people.set(anaId, ana);
      await signIn(provider);
      await sweep();
      assert.equal((await account()).state, 'active');
      played.people.set(anaId, { ...ana, ...change });
      assert.equal((await sweep()).people[0]?.reason, reason);
      const { id, state } = await account();
      assert.equal(state, 'reauth_required');
      assert.deepEqual(await store.sessions.ofAccount(id, 0), []);
    }
  });
}

const unverified = { email_verified: undefined };
for (const [name, what, change, reason] of [
  ['sso', 'no address', { email: undefined, email_verified: undefined }, 'SSO no longer sends an e-mail address'],
  ['sso', 'an empty address', { email: '' }, 'SSO no longer sends an e-mail address'],
  ['sso', 'no word', unverified, 'SSO no longer says that the e-mail address is verified'],
  ['sso', 'null', { email_verified: null }, 'SSO no longer says that the e-mail address is verified'],
  ['google', 'no word', unverified, 'Google reports that the e-mail address is not verified'],
] as const) {
  test(`${name}: a refresh that has ${what} where there was a verified address asks for a sign-in`, async (t) => {
    const { signIn, sweep, provider, account } = await start(t);
    await signIn(name);
    assert.equal((await sweep()).people[0]?.outcome, 'confirmed');
    const ana = provider.people.get(anaId) ?? assert.fail();
    provider.people.set(anaId, { ...ana, ...(change as Partial<typeof ana>) }); // a person without what the others have
    assert.equal((await sweep()).people[0]?.reason, reason);
    assert.equal((await account()).state, 'reauth_required');
  });
}

test('a provider whose refresh answers never had the address locks no one out', async (t) => {
  const { signIn, sweep, provider, account } = await start(t);
  await signIn('sso');
  const ana = provider.people.get(anaId) ?? assert.fail();
  const { email: _, ...rest } = ana;
  provider.people.set(anaId, { ...rest, email: undefined } as unknown as typeof ana); // a person without what the others have
  for (let count = 0; count < 2; count++) assert.equal((await sweep()).people[0]?.outcome, 'confirmed');
  assert.equal((await account()).state, 'active');
});

test('a provider that is away is silent, one that refuses the client is at fault', async (t) => {
  const { signIn, sweep, provider, account, clock } = await start(t);
  await signIn('sso');
  await provider.close();
  assert.equal((await sweep()).people[0]?.outcome, 'silent');
  const { state, confirmed_at: confirmedAt } = await account();
  assert.deepEqual([state, confirmedAt], ['active', clock.at - hour]);
});

test('a new key opens what the old one sealed, and seals it again; without the old one it is our fault', async (t) => {
  const { signIn, sweep, store, account } = await start(t);
  await signIn('google');
  const { id } = await account();
  const [oldKey, newKey] = ['k'.repeat(32), 'n'.repeat(32)];
  assert.equal((await sweep([newKey])).people[0]?.outcome, 'fault');
  assert.equal((await account()).state, 'active');
  assert.equal((await sweep([newKey, oldKey])).people[0]?.outcome, 'confirmed');
  assert.ok(createCipher([newKey]).isCurrent((await store.refreshTokens.ofAccount(id))?.sealed ?? ''));
  assert.equal((await sweep([newKey])).people[0]?.outcome, 'confirmed');
});

test('a token that is in use is not used a second time', async (t) => {
  const { signIn, sweep, store, account, clock } = await start(t);
  await signIn('sso');
  const { id } = await account();
  await store.leases.take(`refresh ${id}`, 'another process', clock.at, clock.at + 2 * hour);
  const { people } = await sweep();
  assert.deepEqual([people[0]?.outcome, people[0]?.reason], ['silent', 'the provider is being asked already']);
});

test('Google is asked for its consent page only where no token is kept that it still takes', async (t) => {
  const { app, signIn, provider, account, store, sweep, clock } = await start(t);
  const expectConsent = async (expected: boolean, why: string) => {
    const { body, consent } = await signIn('google');
    assert.deepEqual([body, consent], ['signed in as ana@example.com', expected], why);
    assert.ok(await store.refreshTokens.ofAccount((await account()).id), why);
  };
  await expectConsent(false, 'the first sign-in shows it by itself');
  const { id } = await account();
  await expectConsent(false, 'the token of the first sign-in is kept');
  await store.refreshTokens.remove(id);
  await expectConsent(true, 'the token is lost');
  const ana = provider.people.get(anaId) ?? assert.fail();
  provider.people.set(anaId, { ...ana, suspended: true });
  assert.equal((await sweep()).people[0]?.outcome, 'sign-in');
  provider.people.set(anaId, ana);
  await expectConsent(true, 'the token was refused');
  assert.equal((await sweep()).people[0]?.outcome, 'confirmed');
  await store.refreshTokens.remove(id);
  await store.accounts.setState(
    id,
    { state: 'disabled', reason: null, by: 'root@example.com', at: clock.at },
    unaudited,
  );
  const { status, consent } = await signIn('google');
  assert.deepEqual([status, consent], [403, false], 'whoever may not come in anyway is not asked');
  for (const visit of ['first', 'second']) {
    const mallory = await signInAndCount(createVisitor(), `${app.url}/sign-in/google`, 'mallory@example.com');
    assert.deepEqual([mallory.page.status, mallory.times], [403, 1], visit);
  }
});

test("a session remembers the provider's, for its back-channel logout", async (t) => {
  const { signIn, app } = await start(t);
  await signIn('sso');
  const [session] = await app.sql.all<{ provider_session: string }>(
    'select provider_session from web_session where account_id is not null',
  );
  assert.match(session?.provider_session ?? '', /^[\w-]{43}$/);
});

test('whose token was replaced while it was used is not made to sign in', async () => {
  let kept = 'first';
  const refused = { kind: 'sign-in', reason: 'SSO answered invalid_grant' } as const;
  const asking = (meanwhile: () => void) =>
    createSources({
      directories: new Map(),
      connectors: [
        {
          name: 'sso',
          refresher: {
            clientId: 'client',
            revoke: assert.fail,
            async ask() {
              meanwhile();
              return refused;
            },
          },
        },
      ],
      tokens: {
        ...{ keep: assert.fail, forget: assert.fail, owner: assert.fail, ofDisabled: assert.fail },
        read: async () => ({ token: kept, clientId: 'client', noteClient: assert.fail, replace: assert.fail }),
      },
      leases: { take: async () => true, release: async () => {} },
      now: Date.now,
    }).ask(accountRow({ provider: 'sso' }));
  assert.deepEqual(await asking(() => {}), refused);
  const replaced = await asking(() => {
    kept = 'second';
  });
  assert.deepEqual(replaced, { kind: 'silent', reason: 'the token was replaced while it was used' });
});
