/** What a provider ends while someone signs in: the session must not begin here afterwards, nor the account work again. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createCipher } from '../../src/lib/cipher.ts';
import { createLog } from '../../src/lib/log.ts';
import { createEndedSessions } from '../../src/off-boarding/ended-sessions.ts';
import { createOffBoarding, type OffBoarding } from '../../src/off-boarding/off-boarding.ts';
import { createOidcConnector } from '../../src/sign-in/oidc.ts';
import { providerSessionId } from '../../src/sign-in/provider-session.ts';
import type { ProviderEvent } from '../../src/sign-in/signed-message.ts';
import type { Account } from '../../src/store/accounts.ts';
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

/** Each runs once: while the provider answers with tokens, before ours is stored, and after it was asked whether that has ended. */
type Moment = 'answer' | 'afterSignIn' | 'first' | 'second' | 'third';

/** Someone to whom something happens at the provider while they sign in here. */
async function start(t: TestContext, claims: object) {
  const provider = await createAnyProvider({ claims: { ...claims } });
  const clock = { ahead: 0 };
  const now = () => Date.now() + clock.ahead;
  const hook: { at: Moment; run: () => Promise<unknown> } = { at: 'afterSignIn', run: async () => {} };
  const come = async (moment: Moment) => {
    if (moment !== hook.at) return;
    clock.ahead += 5_000;
    const { run } = hook;
    hook.run = async () => {};
    await run();
  };
  const told: boolean[] = [];
  let offBoarding: OffBoarding | undefined;
  const app = await startSignInApp({
    connectors: (callbackUrl) => [
      createOidcConnector(provider.settings(callbackUrl('sso')), {
        ...{ sent: createSent(), now: Date.now },
        fetch: async (request, init) => {
          const answer = await provider.fetch(request, init);
          if (new Request(request, init).url.includes('token')) await come('answer');
          return answer;
        },
      }),
    ],
    now,
    afterSignIn: () => come('afterSignIn'),
    endedMeanwhile: async (...of) => {
      const isOver = await (offBoarding ?? assert.fail()).endedMeanwhile(...of);
      const moment = (['first', 'second', 'third'] as const)[told.push(isOver) - 1];
      await come(moment ?? assert.fail());
      return isOver;
    },
  });
  t.after(() => app.close());
  const parts = createOffBoarding({
    ...{ store: createStore(app.sql), audit: collectingAudit([]), sent: createSent(), now },
    ...{ connectors: [], directories: new Map(), cipher: createCipher(['k'.repeat(32)]), log: createLog('silent') },
    wait: async () => {},
  });
  offBoarding = parts;
  let count = 0;
  /** @param at when the provider said so, in epoch milliseconds */
  const tell = (event: ProviderEvent, at = now()) => {
    const message = { issuer, id: `j${count++}`, at, expiresAt: now() + 600_000, events: [event] };
    return parts.act('sso', message, client);
  };
  const logout = ({ sub, sid }: { sub: string | null; sid: unknown }) =>
    tell({
      ...{ kind: 'end-sessions', reason: 'signed out at the provider', subject: sub },
      providerSession: providerSessionId(issuer, sid),
    });
  const ofAna = (kind: ProviderEvent['kind'], at = now()) =>
    tell({ kind, reason: 'hijacked', subject: '7', providerSession: null }, at);
  const account = async () => {
    const [ana] = await app.sql.all<Account>('select * from account');
    return ana && [ana.state, ana.stopped_for_security];
  };
  const signIn = async (visitor = createVisitor()) => {
    told.length = 0;
    const { page } = await signInThrough(visitor, `${app.url}/sign-in/sso`);
    return { page, visitor };
  };
  return { app, clock, now, hook, parts, logout, ofAna, account, signIn };
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

for (const [kind, state] of [
  ['disable', 'disabled'],
  ['suspend', 'reauth_required'],
] as const) {
  for (const at of ['answer', 'first', 'afterSignIn', 'second', 'third'] as const) {
    // The provider's clock can be behind, and its message needs a while.
    for (const age of [0, 3_000]) {
      test(`a hijacking (${kind}, ${age} ms old) that is reported at "${at}" of a sign-in isn't undone by it`, async (t) => {
        const { app, clock, now, hook, ofAna, account, signIn } = await start(t, {});
        await signIn();
        clock.ahead += 60_000;
        Object.assign(hook, { at, run: () => ofAna(kind, now() - age) });
        const { page, visitor } = await signIn();
        assert.notEqual(page.body, 'signed in as ana@example.com');
        assert.deepEqual(await account(), [state, 1]);
        assert.deepEqual(await app.sql.all('select id from web_session'), []);
        assert.match((await visitor.open(app.url)).url.pathname, /sign-in$/);

        clock.ahead += 60_000;
        assert.equal((await signIn()).page.body, 'signed in as ana@example.com', 'the next sign-in is newer');
        assert.deepEqual(await account(), ['active', null]);
      });

      test(`a second one (${kind}, ${age} ms old) at "${at}", of an account that has stopped, isn't undone either`, async (t) => {
        const { app, clock, now, hook, parts, ofAna, account, signIn } = await start(t, {});
        await signIn();
        clock.ahead += 60_000;
        const [ana] = await app.sql.all<Account>('select * from account');
        const actor = { actor: 'sweep', client };
        await parts.leavers[kind === 'disable' ? 'shutOut' : 'requireSignIn'](
          ...([ana ?? assert.fail(), 'left', now(), actor] as const),
        );
        clock.ahead += 60_000;
        Object.assign(hook, { at, run: () => ofAna(kind, now() - age) });
        await signIn();
        assert.deepEqual(await account(), [state, 1]);
        assert.deepEqual(await app.sql.all('select id from web_session'), []);
      });
    }
  }
}

for (const [kind, state] of [
  ['disable', 'disabled'],
  ['suspend', 'reauth_required'],
] as const) {
  test(`a hijacking (${kind}) in the second of a sign-in counts as later, whole seconds being all that is said`, async (t) => {
    const { app, clock, now, ofAna, account, signIn } = await start(t, {});
    clock.ahead = 1_500 - (Date.now() % 1_000);
    await signIn();
    const [{ at } = assert.fail()] = await app.sql.all<{ at: number }>('select signed_in_at as at from account');
    await ofAna(kind, at - (at % 1_000));
    assert.deepEqual(await account(), [state, 1]);
    assert.deepEqual(await app.sql.all('select id from web_session'), []);

    clock.ahead += 60_000;
    await signIn();
    await ofAna(kind, now() - 30_000);
    assert.deepEqual(await account(), ['active', null], 'an earlier one leaves the account');
    assert.deepEqual(await app.sql.all('select id from web_session'), [], 'and ends the sessions all the same');
  });
}

test('what a sweep takes after the provider answered isn’t given back by that answer', async (t) => {
  const { app, clock, now, hook, parts, account, signIn } = await start(t, {});
  await signIn();
  clock.ahead += 60_000;
  const [ana] = await app.sql.all<Account>('select * from account');
  const sweep = () => parts.leavers.shutOut(ana ?? assert.fail(), 'deleted', now(), { actor: 'sweep', client });
  Object.assign(hook, { at: 'answer', run: sweep });
  assert.equal((await signIn()).page.status, 409);
  assert.deepEqual(await account(), ['disabled', null]);
});

test('someone who is new and whom the provider disables meanwhile gets no account', async (t) => {
  const { app, hook, ofAna, account, signIn } = await start(t, { email: 'Ana@Example.com' });
  Object.assign(hook, { at: 'answer', run: () => ofAna('disable') });
  assert.equal((await signIn()).page.status, 400);
  const refused = app.audited.map(({ action, actor, subject }) => [action, actor, subject]);
  assert.deepEqual(refused, [['sign-in.refused', 'ana@example.com', 'ana@example.com']], 'as the filter looks for it');
  assert.equal(await account(), undefined);
});

test('the page of a sign-in that was ended begins again, also for someone who was signed in', async (t) => {
  for (const at of ['answer', 'second'] as const) {
    const { hook, logout, signIn } = await start(t, {});
    const visitor = createVisitor();
    await signIn(visitor);
    Object.assign(hook, { at, run: () => logout({ sub: '7', sid: undefined }) });
    assert.equal(JSON.parse((await signIn(visitor)).page.body).action.label, 'Start again', at);
  }
});

test('a session that ends after that, and before its first page, does not come back', async (t) => {
  const { app, hook, logout, signIn } = await start(t, {});
  Object.assign(hook, { at: 'third', run: () => logout({ sub: '7', sid: undefined }) });
  await signIn();
  assert.deepEqual(await app.sql.all('select id from web_session'), []);
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
