/** A provider's logout that arrives while someone signs in: the session that it ended must not begin here afterwards. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createCipher } from '../../src/lib/cipher.ts';
import { createLog } from '../../src/lib/log.ts';
import { createEndedSessions } from '../../src/off-boarding/ended-sessions.ts';
import { createOffBoarding, type OffBoarding } from '../../src/off-boarding/off-boarding.ts';
import { createOidcConnector } from '../../src/sign-in/oidc.ts';
import { providerSessionId } from '../../src/sign-in/provider-session.ts';
import type { ProviderEvent } from '../../src/sign-in/signed-message.ts';
import { openStore } from '../../src/store/open.ts';
import { createStore } from '../../src/store/store.ts';
import { client } from '../support/administration-scene.ts';
import { createAnyProvider, signInThrough } from '../support/any-provider.ts';
import { collectingAudit } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';
import { createSent } from '../support/sent.ts';
import { startSignInApp } from '../support/sign-in-app.ts';
import { createVisitor } from '../support/visitor.ts';

const issuer = 'https://sso.example.com';

describeEngines('a session that the provider ended', (databases) => {
  const begunAt = 1_000_000;
  const answeredAt = begunAt + 60_000;
  const session = providerSessionId(issuer, 'S1');
  type Named = Pick<ProviderEvent, 'subject' | 'providerSession'>;
  const table: readonly [what: string, named: Named, at: number, of: string | null, isOver: boolean][] = [
    ['by its name', { subject: null, providerSession: session }, answeredAt, session, true],
    ['by its name, before the answer came', { subject: null, providerSession: session }, begunAt, session, true],
    ['before the sign-in began', { subject: null, providerSession: session }, begunAt - 1, session, false],
    ['another one', { subject: 'ana', providerSession: 'other' }, answeredAt, session, false],
    ['all of the person', { subject: 'ana', providerSession: null }, answeredAt, session, true],
    ['all of the person, before the answer came', { subject: 'ana', providerSession: null }, begunAt, session, false],
    ['all of someone else', { subject: 'bo', providerSession: null }, answeredAt, session, false],
    ['one of which no name came here', { subject: 'ana', providerSession: session }, answeredAt, null, true],
    ['all, of which no name came here', { subject: 'ana', providerSession: null }, answeredAt, null, true],
  ];
  for (const [what, named, at, of, isOver] of table) {
    test(`${what}: ${isOver ? 'does not begin' : 'begins'}, on every replica`, async (t) => {
      const url = await databases.create();
      const [one, other] = await Promise.all([openStore(url, () => {}), openStore(url, () => {})]);
      t.after(() => Promise.all([one.close(), other.close()]));
      for (const time of [at, at - 5_000]) await createEndedSessions(one.seenTokens, () => time).note(issuer, named);
      const { endedMeanwhile } = createEndedSessions(other.seenTokens, () => answeredAt);
      const profile = { issuer, subject: 'ana', providerSession: of };
      assert.equal(await endedMeanwhile(profile, { begunAt, answeredAt }), isOver);
    });
  }
});

/** Someone whom a hook signs out at the provider while they sign in here. */
async function start(t: TestContext, claims: object) {
  const provider = await createAnyProvider({ claims: { ...claims } });
  const hook = { run: async () => {} };
  let offBoarding: OffBoarding | undefined;
  const app = await startSignInApp({
    connectors: (callbackUrl) => [
      createOidcConnector(provider.settings(callbackUrl('sso')), {
        ...{ sent: createSent(), fetch: provider.fetch, now: Date.now },
      }),
    ],
    afterSignIn: () => hook.run(),
    endedMeanwhile: (...of) => (offBoarding ?? assert.fail()).endedMeanwhile(...of),
  });
  t.after(() => app.close());
  const parts = createOffBoarding({
    ...{ store: createStore(app.sql), audit: collectingAudit([]), sent: createSent(), now: Date.now },
    ...{ connectors: [], directories: new Map(), cipher: createCipher(['k'.repeat(32)]), log: createLog('silent') },
    wait: async () => {},
  });
  offBoarding = parts;
  let count = 0;
  const logout = (named: { sub: string | null; sid: unknown }) =>
    parts.act(
      'sso',
      {
        ...{ issuer, id: `j${count++}`, at: Date.now(), expiresAt: Date.now() + 600_000 },
        events: [
          {
            ...{ kind: 'end-sessions', reason: 'signed out at the provider', subject: named.sub },
            providerSession: providerSessionId(issuer, named.sid),
          },
        ],
      },
      client,
    );
  const signIn = async () => {
    const visitor = createVisitor();
    const { page } = await signInThrough(visitor, `${app.url}/sign-in/sso`);
    return { page, visitor };
  };
  return { app, hook, logout, signIn };
}

for (const [what, claims, named] of [
  ['names the session', { sid: 'S1' }, { sub: null, sid: 'S1' }],
  ['names the person', { sid: 'S1' }, { sub: '7', sid: undefined }],
  ['names a session that the ID token didn’t', {}, { sub: '7', sid: 'S1' }],
] as const) {
  test(`a logout that ${what} and arrives in the middle of the sign-in lets no session begin`, async (t) => {
    const { app, hook, logout, signIn } = await start(t, claims);
    hook.run = () => logout(named);
    const { page, visitor } = await signIn();
    assert.equal(page.status, 400);
    assert.match(JSON.parse(page.body).message, /signed out at Company SSO meanwhile. Start again/);
    assert.deepEqual(await app.sql.all('select id from web_session'), []);
    assert.match((await visitor.open(app.url)).url.pathname, /sign-in$/);
    assert.ok(app.audited.some(({ action }) => action === 'sign-in.refused'));

    hook.run = async () => {};
    assert.equal((await signIn()).page.body, 'signed in as ana@example.com', 'and the next sign-in is a new one');
  });
}

test('a logout of another session of the person leaves this sign-in alone', async (t) => {
  const { hook, logout, signIn } = await start(t, { sid: 'S2' });
  hook.run = () => logout({ sub: '7', sid: 'S1' });
  assert.equal((await signIn()).page.body, 'signed in as ana@example.com');
});

test('without an answer whether the session ended, none begins', async (t) => {
  const provider = await createAnyProvider();
  const app = await startSignInApp({
    connectors: (callbackUrl) => [
      createOidcConnector(provider.settings(callbackUrl('sso')), {
        ...{ sent: createSent(), fetch: provider.fetch, now: Date.now },
      }),
    ],
    endedMeanwhile: () => Promise.reject(new Error('the database went away')),
  });
  t.after(() => app.close());
  const visitor = createVisitor();
  assert.equal((await signInThrough(visitor, `${app.url}/sign-in/sso`)).page.status, 500);
  assert.match((await visitor.open(app.url)).url.pathname, /sign-in$/);
});
