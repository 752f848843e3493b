/** One address is one account, in whichever form its internationalized domain is written: the policy knows only one. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { UnsecuredJWT } from 'jose';
import { createRetiredLogins } from '../../src/accounts/retired-logins.ts';
import { importPasswords } from '../../src/docker-auth/import-passwords.ts';
import { createAdmission } from '../../src/sign-in/admission.ts';
import type { Connector, Profile } from '../../src/sign-in/connector.ts';
import { createGoogleRefresher } from '../../src/sign-in/google/refresh.ts';
import { createOidcConnector } from '../../src/sign-in/oidc.ts';
import type { ProviderStatus } from '../../src/sign-in/provider-status.ts';
import { client, input, refusal, root, type Scene, withScene } from '../support/administration-scene.ts';
import { createAnyProvider } from '../support/any-provider.ts';
import { collectingAudit } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';
import { createSent } from '../support/sent.ts';
import { calls } from './google/answers.ts';
import { row, startDirectory } from './google/directory-scene.ts';

const unicode = 'ana@bücher.example';
const ascii = 'ana@xn--bcher-kva.example';
const spellings = [unicode, ascii, 'ANA@BÜCHER.example', 'Ana@XN--BCHER-KVA.example'];

const profile: Profile = {
  ...{ provider: 'sso', issuer: 'https://sso', subject: '1', email: unicode, emailVerified: true },
  ...{ displayName: null, domain: 'xn--bcher-kva.example', groups: null, refreshToken: null, providerSession: null },
  ...{ groupsProblem: null, groupsLeftOut: false, authenticatedAt: null },
};
const taken = refusal('conflict', /Another account already has the e-mail address/);
const kept = refusal('conflict', /belonged to an account that isn't here any more/);

describeEngines('an address with an internationalized domain', (databases) => {
  type Person = { subject: string; email: string; provider?: string; issuer?: string };
  const scene = (action: (scene: Scene & { admit(person: Person): Promise<Account> }) => Promise<void>) => () =>
    withScene(databases, (parts) => {
      const { store, authority, events, clock } = parts;
      const admission = createAdmission({
        ...{ accounts: store.accounts, moves: store.accountMoves, retiredLogins: store.retiredLogins, authority },
        isStaticUser: (login) => login === 'bot@bücher.example',
        ...{ audit: collectingAudit(events, store.audit), now: () => clock.at },
      });
      const connector = { name: 'sso', label: 'SSO', check: () => {} } as unknown as Connector; // all that is read of it
      const admit = async (person: Person) =>
        (await admission.admit(connector, { ...profile, ...person }, { client, answeredAt: clock.at })).account;
      return action({ ...parts, admit });
    });
  const imported = ({ store, events, clock }: Scene, emails: readonly string[]) =>
    importPasswords(
      { store, audit: collectingAudit(events, store.audit), by: root, maximumPerAccount: 3, now: () => clock.at },
      emails.map((email) => ({ email, hash: `$2y$05$${email}`, validUntil: clock.at, labels: null })),
      { provider: 'sso', domains: [], name: 'docker_auth', days: 30, usedSince: null, dryRun: false },
    );

  test(
    'is one account in all its spellings',
    scene(async ({ admit }) => {
      const { id } = await admit({ subject: '1', email: unicode });
      for (const email of spellings) await assert.rejects(admit({ subject: '2', email }), taken, email);
      const { id: bo } = await admit({ subject: '3', email: 'bo@xn--bcher-kva.example' });
      await assert.rejects(admit({ subject: '3', email: ascii }), taken, 'someone whose address changes to it');
      assert.equal((await admit({ subject: '3', email: 'bo@bücher.example' })).id, bo);
      assert.equal((await admit({ subject: '1', email: ascii })).id, id);
      await assert.rejects(
        admit({ subject: '4', email: 'bot@xn--bcher-kva.example' }),
        refusal('conflict', /has a user called bot@bücher\.example/),
      );
    }),
  );

  test(
    'keeps its user name, and so its passwords, when the provider spells it otherwise',
    scene(async ({ admit, passwords, login, store }) => {
      const ana = await admit({ subject: '1', email: unicode });
      const { secret } = await passwords.issue(ana, input, root);
      assert.equal((await admit({ subject: '1', email: ascii })).login, unicode);
      assert.equal(typeof (await login(unicode, secret)), 'object');
      assert.deepEqual(await store.retiredLogins.list('', 10), [], 'and nothing is reserved');

      await admit({ subject: '2', email: 'x@xn--80ak6aa92e.example' });
      const confusable = refusal('denied', /could pass for someone else's/);
      await assert.rejects(admit({ subject: '2', email: 'x@аррӏе.example' }), confusable);
    }),
  );

  test(
    'goes to one of two who come with it at the same moment',
    scene(async ({ admit, store }) => {
      const names = ['a', 'b', 'c', 'd', 'e', 'f'];
      const arrivals = names.flatMap((name) => [
        admit({ subject: `${name}1`, email: `${name}@bücher.example` }),
        admit({ subject: `${name}2`, email: `${name}@xn--bcher-kva.example` }),
      ]);
      const outcomes = await Promise.allSettled(arrivals);
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, names.length);
      for (const outcome of outcomes) if (outcome.status === 'rejected') taken(outcome.reason);
      assert.equal((await store.accounts.after('', 100)).length, names.length);
    }),
  );

  test(
    'stays reserved in all its spellings, and is released in all',
    scene(async ({ admit, store, events }) => {
      await admit({ subject: '1', email: unicode });
      await admit({ subject: '1', email: 'ana.berg@bücher.example' });
      for (const email of spellings) await assert.rejects(admit({ subject: '2', email }), kept, email);
      const audit = collectingAudit(events, store.audit);
      await createRetiredLogins({ retiredLogins: store.retiredLogins, audit }).release(ascii, root);
      assert.equal((await admit({ subject: '2', email: ascii })).login, ascii);
    }),
  );

  test(
    'is claimed from an import, and followed by a relink, in the other spelling',
    scene(async ({ admit, store, clock, ...parts }) => {
      await imported({ store, clock, ...parts }, [unicode]);
      const waiting = await store.accounts.byLogin(unicode);
      const ana = await admit({ subject: '1', email: ascii });
      assert.deepEqual([ana.id, ana.issuer], [waiting?.id, profile.issuer]);
      assert.match(
        JSON.stringify(await imported({ store, clock, ...parts }, [ascii])),
        /left out.*an account has this e-mail in another spelling/,
      );

      const there = { provider: 'new', issuer: 'https://new', subject: '9', email: ascii };
      await assert.rejects(admit(there), taken);
      const move = { id: 'm', account_id: ana.id, from_issuer: null, to_issuer: null, provider: 'new', until: 2 ** 52 };
      await store.accountMoves.allow({ ...move, at: clock.at, created_by: root.actor }, () => null);
      assert.equal((await admit(there)).id, ana.id);
    }),
  );
});

const asked = { subject: '7', email: unicode, domain: null };
const keep = async () => {};
const statuses: [string, (t: TestContext, email: string) => Promise<ProviderStatus>][] = [
  [
    'a refresh',
    async (_, email) => {
      const { settings, fetch } = await createAnyProvider({ refreshClaims: { email } });
      const connector = createOidcConnector(settings('https://d/cb'), { sent: createSent(), fetch, now: Date.now });
      return (connector.refresher ?? assert.fail()).ask('token', asked, keep);
    },
  ],
  [
    'a refresh at Google',
    (_, email) => {
      const urls = { tokenUrl: 'https://google.test/', revocationUrl: 'https://google.test/' };
      const claims = { sub: '7', email, email_verified: true };
      const answer = { access_token: 'a', id_token: new UnsecuredJWT(claims).encode() };
      const refresher = createGoogleRefresher({ clientId: 'c', clientSecret: 's', ...urls }, async () =>
        Response.json(answer),
      );
      return refresher.ask('token', asked, keep);
    },
  ],
  [
    "Google's directory",
    async (t, email) => {
      const { directory, ask } = await startDirectory(t);
      directory.replies.push({
        to: calls['users.get'],
        reply: { status: 200, body: { id: row.subject, primaryEmail: email } },
      });
      return ask({}, { ...row, email: unicode });
    },
  ],
];
for (const [what, ask] of statuses) {
  test(`${what} that spells the domain otherwise reports the same address`, async (t) => {
    assert.equal((await ask(t, ascii)).kind, 'there');
    assert.equal((await ask(t, 'ana@bucher.example')).kind, 'sign-in');
  });
}

type Account = Awaited<ReturnType<Scene['addPerson']>>;
