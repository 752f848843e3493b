import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { createRevocations } from '../../src/accounts/revocations.ts';
import { createAppPasswords } from '../../src/app-passwords/app-passwords.ts';
import type { AuditEvent } from '../../src/audit/audit.ts';
import {
  importPasswords,
  type PasswordImport,
  type PasswordImportOptions,
} from '../../src/docker-auth/import-passwords.ts';
import { createImportedCheck } from '../../src/docker-auth/imported-passwords.ts';
import type { TokenDbEntry } from '../../src/docker-auth/token-db.ts';
import { createAuthority } from '../../src/identity/authority.ts';
import type { Authenticator } from '../../src/identity/identity.ts';
import { Refusal } from '../../src/lib/errors.ts';
import { createPepper, createSecret } from '../../src/lib/secret.ts';
import { createAdmission } from '../../src/sign-in/admission.ts';
import type { Connector, Profile } from '../../src/sign-in/connector.ts';
import { createHashCheck } from '../../src/static-users/hash-check.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { collectingAudit, unaudited } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';
import { newPassword, signedIn } from '../support/rows.ts';

const day = 24 * 60 * 60 * 1000;
const now = Date.UTC(2026, 10, 26);
const password = 'AnaPassword00001';
const hash = bcrypt.hashSync(password, 4);
const other = bcrypt.hashSync(password, 4);
const by = { actor: 'command line', client: null };
const pepper = createPepper('p'.repeat(32));
const input: PasswordImportOptions = {
  ...{ provider: 'google', domains: ['example.com'], name: 'docker_auth', days: 365, usedSince: null, dryRun: false },
};

function entry(changes: Partial<TokenDbEntry> = {}): TokenDbEntry {
  return { email: 'Ana@Example.com', hash, validUntil: now - day, labels: null, ...changes };
}

describeEngines('passwords from docker_auth', (databases) => {
  let store: Store;
  let events: AuditEvent[];
  let compared: string[];
  let check: Authenticator;
  let clock: number;
  let policyHash: string | null;
  const passwordsOf = () =>
    createAppPasswords({
      accountById: store.accounts.byId,
      authority: createAuthority([]),
      makerRules: { enforced: true, grace: 7 * 24 * 60 * 60 * 1000 },

      ...{ store: store.passwords, pepper, onError: assert.ifError, now: () => now, checkPattern: () => null },
      audit: collectingAudit(events),
      ...{ publicUrl: 'https://auth.example.com/', maximumDays: 365, maximumPerAccount: 3 },
      gracePeriods: { groups: day, full: day, pull: 3 * day, unchecked: null },
    });
  beforeEach(async (context) => {
    store = await openStore(await databases.create(), () => {});
    events = [];
    compared = [];
    clock = now;
    policyHash = null;
    const thread = {
      compare: async (given: string, against: string) => {
        compared.push(against);
        return bcrypt.compareSync(given, against);
      },
    };
    check = createImportedCheck({
      ...{ store: store.passwords, passwords: passwordsOf(), pepper, now: () => clock, decoyFor: () => policyHash },
      hashCheck: createHashCheck({
        ...{ thread, onNotCompared: () => {}, now: () => now },
        guessing: () => 'few',
      }),
      isStaticUser: (name) => name === 'ci',
    });
    if ('after' in context) context.after(() => store.close());
  });

  const take = async (
    entries: readonly TokenDbEntry[],
    changes: Partial<PasswordImportOptions> = {},
  ): Promise<PasswordImport[]> => {
    const audit = collectingAudit(events);
    return importPasswords({ store, audit, by, maximumPerAccount: 3, now: () => now }, entries, {
      ...input,
      ...changes,
    });
  };
  const outcomes = async (entries: readonly TokenDbEntry[], changes: Partial<PasswordImportOptions> = {}) =>
    (await take(entries, changes)).map(({ outcome, reason }) => (reason === null ? outcome : `${outcome}: ${reason}`));
  const login = (username: string, given: string) => check.verify({ username, password: given }, '192.0.2.7');
  const ana = { username: 'ana@example.com', password };

  test('the first use is compared and re-hashed, the next is one look-up', async () => {
    assert.deepEqual(await outcomes([entry()]), ['imported']);
    const [row] = await store.passwords.all();
    assert.equal(row?.pepper_id, 'bcrypt');
    assert.equal(row?.expires_at, now + 365 * day);
    assert.equal(await login('ana@example.com', 'AnaPassword00002'), null);
    const identity = await login('ANA@example.com', password);
    assert.deepEqual(
      [identity?.account, identity?.kind, identity?.domain, identity?.groupsKnown, identity?.credential?.name],
      ['ana@example.com', 'person', null, false, 'docker_auth'],
    );
    assert.equal(compared.length, 2);
    assert.equal((await login('ana@example.com', password))?.account, 'ana@example.com');
    assert.equal(compared.length, 2, 'nothing is compared any more');
    const [rehashed] = await store.passwords.all();
    assert.deepEqual(
      [rehashed?.pepper_id, rehashed?.hash, rehashed?.hint, rehashed?.id],
      [pepper.id, pepper.hash(password), '…0001', row?.id],
    );
    assert.deepEqual(
      events.map(({ action, actor, subject }) => [action, actor, subject]),
      [['password.import', 'command line', 'ana@example.com']],
    );
  });

  test('ten first uses at the same moment are all let in', async () => {
    await take([entry()]);
    const found = await Promise.all(Array.from({ length: 10 }, () => login('ana@example.com', password)));
    assert.deepEqual(new Set(found.map((identity) => identity?.account)), new Set(['ana@example.com']));
  });

  test('a right password is let in that another request re-hashes between two look-ups', async () => {
    await take([entry()]);
    const bcryptOf = store.passwords.bcryptOf;
    let raced = false;
    store.passwords.bcryptOf = async (...wanted) => {
      if (raced) return bcryptOf(...wanted);
      raced = true;
      assert.ok(await login('ana@example.com', password));
      return bcryptOf(...wanted);
    };
    assert.equal((await login('ana@example.com', password))?.account, 'ana@example.com');
    assert.ok(raced);
    assert.equal(compared.length, 1);
  });

  test("the password is its owner's alone", async () => {
    await take([entry(), entry({ email: 'bo@example.com', hash: bcrypt.hashSync('BoPassword000001', 4) })]);
    assert.equal(await login('bo@example.com', password), null);
    assert.ok(await login('ana@example.com', password));
    assert.equal(await login('bo@example.com', password), null, 'nor once it is re-hashed');
  });

  test('revoked, expired and disabled are refused with their reason, before and after the first use', async () => {
    const [first, ...others] = ['revoked', 'disabled', 'used and revoked'] as const;
    for (const how of [first, ...others]) {
      const email = `${how.replaceAll(' ', '-')}@example.com`;
      const own = `Password${String(how.length).padStart(8, '0')}`;
      await take([entry({ email, hash: bcrypt.hashSync(own, 4) })]);
      const account = await store.accounts.byLogin(email);
      const [row] = await store.passwords.ofAccount(account?.id ?? '');
      if (how === 'used and revoked') assert.ok(await login(email, own));
      if (how === 'disabled') {
        const change = { state: 'disabled', reason: 'left', by: 'ad', at: now } as const;
        await store.accounts.setState(account?.id ?? '', change, unaudited);
      } else await passwordsOf().revoke(row?.id ?? '', null, { actor: 'ad@example.com', client: null });
      const expected = how === 'disabled' ? /is disabled.*left/ : /"docker_auth" was revoked/;
      for (const again of [1, 2]) {
        await assert.rejects(
          login(email, own),
          (error) => error instanceof Refusal && expected.test(error.message),
          `${again}`,
        );
      }
    }
  });

  test('a second import changes nothing, also after the first use and after a revocation', async () => {
    await take([entry()]);
    assert.deepEqual(await outcomes([entry()]), ['known']);
    await login('ana@example.com', password);
    assert.deepEqual(await outcomes([entry()]), ['known']);
    const [row] = await store.passwords.all();
    await store.passwords.revoke(row?.id ?? '', 'ad@example.com', now, unaudited);
    assert.deepEqual(await outcomes([entry()]), ['known']);
    assert.equal((await store.passwords.all()).length, 1);
  });

  test('two imports at the same time import each once, and an entry that someone copied is left out', async () => {
    const taken = 'left out: another import or entry has the same account or password; try again';
    const entries = [entry(), entry({ email: 'bo@example.com', hash: other })];
    const both = await Promise.all([outcomes(entries), outcomes(entries)]);
    for (const one of both.flat()) assert.match(one, /^(imported|known|left out: .*try again)$/);
    const logins = async () => (await store.passwords.all()).map(({ login }) => login).sort();
    assert.deepEqual(await logins(), ['ana@example.com', 'bo@example.com']);
    assert.deepEqual(await outcomes([...entries, entry({ email: 'copy@example.com' })]), ['known', 'known', taken]);
    assert.deepEqual(await logins(), ['ana@example.com', 'bo@example.com']);
  });

  test('what docker_auth replaced is replaced here, and a password of the person is not', async () => {
    await take([entry()]);
    const newer = bcrypt.hashSync('AnaPassword00002', 4);
    assert.deepEqual(await outcomes([entry({ hash: newer })]), ['replaced']);
    await assert.rejects(login('ana@example.com', password), /was revoked/);
    assert.ok(await login('ana@example.com', 'AnaPassword00002'));
    const bo = await store.accounts.signIn(signedIn({ login: 'bo@example.com', email: 'bo@example.com' }));
    await store.passwords.insert(
      newPassword(bo.id, { name: 'docker_auth', created_at: now, expires_at: now + day }),
      3,
      unaudited,
    );
    const other = entry({ email: 'bo@example.com', hash: bcrypt.hashSync('BoPassword000001', 4) });
    assert.match(String(await outcomes([other])), /left out: there is a password of the name "docker_auth"/);
    assert.deepEqual(await outcomes([other], { name: 'old laptop' }), ['imported']);
  });

  const issue = (accountId: string, names: readonly string[]) =>
    Promise.all(
      names.map((name) => {
        const times = { created_at: now, expires_at: now + day };
        return store.passwords.insert(newPassword(accountId, { id: name, name, hash: name, ...times }), 9, unaudited);
      }),
    );
  const newer = 'AnaPassword00002';
  const replacement = () => entry({ hash: bcrypt.hashSync(newer, 4) });

  test('the limit does not count what takes the place of another, and both are in the audit', async () => {
    await take([entry()]);
    const [imported] = await store.passwords.all();
    await issue(imported?.account_id ?? '', ['one', 'two', 'three']);
    assert.deepEqual(await outcomes([replacement()], { dryRun: true }), ['replaced']);
    events.length = 0;
    const next = replacement();
    assert.deepEqual(await outcomes([next]), ['replaced']);
    assert.deepEqual(await outcomes([next]), ['known']);
    assert.deepEqual(events.map(({ action, detail }) => [action, detail?.['id'] === imported?.id]).sort(), [
      ['password.import', false],
      ['password.revoke', true],
    ]);
    await assert.rejects(login('ana@example.com', password), /was revoked/);
    assert.ok(await login('ana@example.com', newer));
    assert.match(String(await outcomes([entry({ hash: other })], { name: 'b' })), /there are 3 active passwords/);
  });

  test('a replacement that has no place revokes nothing', async () => {
    await take([entry()]);
    const [imported] = await store.passwords.all();
    assert.ok(imported);
    const successor = { id: 'new', name: 'docker_auth', hash: 'new', created_at: now, expires_at: now + day };
    await issue(imported.account_id, ['laptop']);
    const replace = (id: string, changes: Partial<typeof successor> = {}) =>
      store.passwords.replace({ id, by: 'x' }, newPassword(imported.account_id, { ...successor, ...changes }), {
        revoked: () => assert.fail(),
        inserted: () => assert.fail(),
      });
    assert.equal(await replace(imported.id, { name: 'laptop' }), false);
    assert.equal(await replace('none'), false);
    assert.ok(await login('ana@example.com', password));
    await store.passwords.revoke(imported.id, 'x', now, unaudited);
    assert.equal(await replace(imported.id), false);
    assert.equal((await store.passwords.all()).length, 2);
  });

  test('a rotated one is replaced by no import: its successor has the name', async () => {
    await take([entry()]);
    const [imported] = await store.passwords.all();
    assert.ok(imported);
    const successor = { id: 'next', name: imported.name, hash: 'next', created_at: now, expires_at: now + day };
    await store.passwords.rotate(imported.id, newPassword(imported.account_id, successor), now + 60_000, unaudited);
    assert.match(String(await outcomes([replacement()])), /left out: there is a password of the name/);
    assert.ok(await login('ana@example.com', password));
  });

  test('passwords of terminals are none that the limit or the name counts', async () => {
    const { id } = await store.accounts.signIn(signedIn({ login: 'ana@example.com', email: 'ana@example.com' }));
    for (const name of ['docker_auth', 'b', 'c']) {
      const request = {
        ...{
          id: name,
          device_code_hash: name,
          user_code_hash: name,
          network: 'n',
          address: '',
          machine: 'm',
          client: '',
        },
        ...{ service: 's', purpose: 'login', created_at: now, expires_at: now + day },
        ...{ redirect_uri: null, state: null, code_challenge: null },
      } as const;
      await store.terminalRequests.insert(request, { network: 9, all: 9 });
      const decision = { accountId: id, approved: true, actions: null, repositories: null, at: now, codeHash: null };
      await store.terminalRequests.decide(name, decision, unaudited);
      const row = newPassword(id, { id: name, name, hash: name, created_at: now, expires_at: now + day });
      const brought = {
        password: { ...row, origin: 'terminal', origin_address: '' },
        machineSecretHash: null,
      } as const;
      assert.equal(await store.terminalRequests.collect(name, brought, 9, now, unaudited), 'stored');
    }
    assert.deepEqual(await outcomes([entry()]), ['imported']);
  });

  test('who is left out, and why', async () => {
    await store.accounts.signIn(signedIn({ provider: 'keycloak', login: 'kc@example.com', email: 'kc@example.com' }));
    const cases: [Partial<TokenDbEntry>, Partial<PasswordImportOptions>, RegExp][] = [
      [{ email: 'ana@other.org' }, {}, /google admits no one from other\.org/],
      [{ email: 'ana' }, { domains: [] }, /not an e-mail address/],
      [{ email: 'a b@example.com' }, {}, /not an e-mail address/],
      [{ email: 'kc@example.com' }, {}, /account with this e-mail is of keycloak/],
      [{ validUntil: now - 91 * day }, { usedSince: now - 90 * day }, /last used about 2026-08-27/],
      [{ validUntil: null }, { usedSince: now - 90 * day }, /never used/],
    ];
    for (const [changes, more, expected] of cases)
      assert.match(String(await outcomes([entry(changes)], more)), expected);
    assert.equal((await store.passwords.all()).length, 0);
    const two = [entry({ validUntil: now - day }), entry({ email: 'ana@example.com', validUntil: now - 2 * day })];
    assert.deepEqual(await outcomes(two), [
      'imported',
      'left out: the same e-mail in another case or spelling was used later',
    ]);
  });

  test('a dry run says the same and changes nothing', async () => {
    assert.deepEqual(await outcomes([entry()], { dryRun: true }), ['imported']);
    assert.equal(await store.accounts.byLogin('ana@example.com'), undefined);
    assert.deepEqual(events, []);
  });

  test('labels count until the first sign-in', async () => {
    await take([entry({ labels: { team: ['web'] } })]);
    assert.deepEqual((await login('ana@example.com', password))?.labels, { team: ['web'] });
    await admit({ groups: ['google:web@example.com'] });
    const identity = await login('ana@example.com', password);
    assert.deepEqual([identity?.labels, identity?.groups], [{}, ['google:web@example.com']]);
  });

  const profile: Profile = {
    ...{ provider: 'google', issuer: 'https://accounts.google.com', subject: '1001', email: 'Ana@example.com' },
    ...{ emailVerified: true, displayName: 'Ana', domain: 'example.com', groups: null, refreshToken: null },
    providerSession: null,
    authenticatedAt: null,
    groupsProblem: null,
    groupsLeftOut: false,
  };
  const connector = { name: 'google', label: 'Google', check: () => {} } as unknown as Connector;
  const admit = (changes: Partial<Profile> = {}, at: Partial<Connector> = {}) =>
    createAdmission({
      moves: store.accountMoves,
      retiredLogins: store.retiredLogins,
      authority: createAuthority([]),
      isStaticUser: () => false,
      accounts: store.accounts,
      audit: collectingAudit([]),
      now: () => now,
    }).admit(
      { ...connector, ...at },
      { ...profile, ...changes },
      { client: { address: '192.0.2.1', userAgent: '', requestId: 'r' }, answeredAt: now },
    );

  test('the first sign-in finds the account and its password, also when it is completed twice at the same time', async () => {
    await take([entry()]);
    const { id } = (await store.accounts.byLogin('ana@example.com')) ?? {};
    const both = await Promise.all([admit(), admit()]);
    assert.deepEqual(
      both.map(({ account }) => account.id),
      [id, id],
    );
    const { account, before } = await admit();
    assert.deepEqual([account.id, before?.issuer, account.domain], [id, profile.issuer, 'example.com']);
    assert.equal((await login('ana@example.com', password))?.domain, 'example.com');
    assert.deepEqual(await outcomes([entry()]), ['known'], 'and a later import knows whose it is');
  });

  const hijacks: [string, Partial<Profile>, Partial<Connector>, RegExp][] = [
    ['another provider', { provider: 'keycloak', issuer: 'https://idp.example' }, {}, /never merged/],
    ['an e-mail that is not verified', { emailVerified: false }, {}, /does not say that this address is verified/],
    ['an e-mail of which nothing is said', { emailVerified: null }, {}, /does not say that this address is verified/],
    [
      'a domain that may not come in',
      {},
      {
        check: () => {
          throw new Refusal('denied', 'not of this Workspace');
        },
      },
      /not of this Workspace/,
    ],
  ];
  for (const [what, changes, at, expected] of hijacks) {
    test(`an imported account is not taken over with ${what}`, async () => {
      await take([entry()]);
      await assert.rejects(admit(changes, at), expected);
      assert.equal((await store.accounts.byLogin('ana@example.com'))?.issuer, 'docker_auth');
    });
  }

  test('one account is never claimed twice, and no one gets a second one', async () => {
    await take([entry()]);
    await admit();
    await assert.rejects(admit({ subject: '2002' }), /never merged/);
    await take([entry({ email: 'new@example.com', hash: bcrypt.hashSync('NewPassword00001', 4) })]);
    await assert.rejects(admit({ email: 'new@example.com' }), /never merged/);
    assert.equal((await store.accounts.byLogin('new@example.com'))?.issuer, 'docker_auth');
  });

  test('what an administrator disabled stays so through the first sign-in', async () => {
    await take([entry()]);
    const { id = '' } = (await store.accounts.byLogin('ana@example.com')) ?? {};
    await store.accounts.setState(id, { state: 'disabled', reason: 'left', by: 'ad@example.com', at: now }, unaudited);
    await assert.rejects(admit(), /is disabled here: left/);
  });

  test('a revocation by domain reaches those whose domain is not yet known', async () => {
    await take([entry(), entry({ email: 'x@exampleXcom', hash: bcrypt.hashSync('x', 4) })], { domains: [] });
    const revocations = createRevocations({
      activityOf: async () => null,
      ...{ store, audit: collectingAudit([]), now: () => now },
      uses: { summary: async () => [] },
      gracePeriods: { unchecked: null },
      administrators: { lastGroupsOf: () => [] },
    });
    const { sample } = await revocations.preview({ domain: 'example.com' });
    assert.deepEqual(
      sample.map(({ login: of }) => of),
      ['ana@example.com'],
    );
  });

  test('what it recognises is disjoint from app passwords and from users of the policy file', async () => {
    assert.ok(check.recognises(ana));
    assert.ok(!check.recognises({ username: 'ci', password }));
    for (const other of [createSecret('dkp'), 'AnaPassword0001', 'AnaPassword000001', 'AnaPassword-0001', '']) {
      assert.ok(!check.recognises({ username: 'ana@example.com', password: other }), other);
    }
  });

  test('beside users of the policy file, a name that no one has is like one of them or like an imported one', async () => {
    policyHash = bcrypt.hashSync('of the policy', 5);
    await take([entry()]);
    const costs = new Map<string, number>();
    for (let number = 0; number < 20; number += 1) {
      compared = [];
      assert.equal(await login(`nobody-${number}@example.com`, password), null);
      assert.equal(compared.length, 1);
      const cost = compared[0]?.slice(4, 6) ?? '';
      costs.set(cost, (costs.get(cost) ?? 0) + 1);
    }
    assert.deepEqual([...costs.keys()].toSorted(), ['05', '10']);
  });

  test('as long as someone has one, a name that no one has costs a comparison', async () => {
    assert.equal(await login('nobody@example.com', password), null);
    assert.equal(compared.length, 0, 'nothing was imported');
    await take([entry()]);
    assert.equal(await login('nobody@example.com', password), null);
    assert.equal(compared.length, 1);
    compared = [];
    await take([entry({ hash: bcrypt.hashSync('AnaPassword00002', 4) })]);
    clock += 61_000;
    for (const name of ['ana@example.com', 'nobody@example.com', 'other@example.com']) {
      compared = [];
      assert.equal(await login(name, 'AnaPassword00003'), null);
      assert.equal(new Set(compared).size, 2, `${name}: as many as for whoever has most`);
    }
    const pepperInUse = await store.passwords.pepperInUse(now);
    assert.equal(pepperInUse, undefined, 'and no other pepper is suspected');
  });
});
