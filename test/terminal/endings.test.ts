/** What ends a machine and the logins of terminals, whoever does it, and that no undo brings a machine back; on both engines. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRevocations } from '../../src/accounts/revocations.ts';
import type { Selection } from '../../src/accounts/selection.ts';
import type { Identity } from '../../src/identity/identity.ts';
import type { Refusal } from '../../src/lib/errors.ts';
import type { Account } from '../../src/store/accounts.ts';
import type { Purpose } from '../../src/terminal/requests.ts';
import { client, day, input, root, type Scene, withScene } from '../support/administration-scene.ts';
import { unaudited } from '../support/audit.ts';
import { type Databases, describeEngines } from '../support/engines.ts';

const limits = { actions: null, repositories: null };

/** What ana has: a machine with a password of it, a login, and a terminal that she approved and that has yet to come. */
async function withTerminals(scene: Scene) {
  const { terminal } = scene;
  const ana = await scene.addPerson('ana', { groups: ['google:leads@example.com'] });
  const approve = async (purpose: Purpose) => {
    const input = { service: 'registry.example.com', purpose, machine: purpose, loopback: null };
    const { deviceCode, userCode } = await terminal.requests.start(input, client);
    const decider = { accountId: ana.id, login: ana.login, client };
    await terminal.requests.decide(userCode, decider, { approved: true, limits });
    return deviceCode;
  };
  const collect = async (deviceCode: string): Promise<string> => {
    const polled = await terminal.poll(deviceCode, client);
    return polled.kind === 'collected' ? polled.collected.secret : polled.kind;
  };
  const message = (action: Promise<unknown>): Promise<string> =>
    action.then(
      () => 'works',
      (error: Refusal) => error.message,
    );
  const machine = await collect(await approve('machine'));
  const login = await collect(await approve('login'));
  const { password } = await terminal.machines.renew(machine, client);
  const pending = await approve('machine');
  return {
    ...{ ana, machine, password, approve, collect },
    renewal: () => message(terminal.machines.renew(machine, client)),
    use: () => message(terminal.machines.authenticator.verify({ username: ana.login, password })),
    login: () => message(scene.passwords.authenticator.verify({ username: ana.login, password: login })),
    pending: () =>
      message(collect(pending).then((found) => (found.startsWith('dkm_') ? found : Promise.reject(Error(found))))),
  };
}
type Terminals = Awaited<ReturnType<typeof withTerminals>>;

type Approval = { readonly ana: Account; readonly collect: () => Promise<string> };

/** ana has no password, only a terminal that she approved and that has yet to come. */
function withApproval(
  databases: Databases,
  purpose: Purpose,
  action: (scene: Scene, of: Approval) => Promise<void>,
): () => Promise<void> {
  return () =>
    withScene(databases, async (scene) => {
      const ana = await scene.addPerson('ana', { groups: ['google:leads@example.com'] });
      const request = { service: 'registry.example.com', purpose, machine: purpose, loopback: null };
      const { deviceCode, userCode } = await scene.terminal.requests.start(request, client);
      const decider = { accountId: ana.id, login: ana.login, client };
      await scene.terminal.requests.decide(userCode, decider, { approved: true, limits });
      const collect = async () => {
        const polled = await scene.terminal.poll(deviceCode, client);
        return polled.kind === 'collected' ? polled.collected.secret : polled.kind;
      };
      await action(scene, { ana, collect });
    });
}

function sessionOf({ id, login }: Account) {
  const user = { accountId: id, login, signedInAt: 0 };
  return { accountId: id, data: JSON.stringify({ passport: { user } }), expiresAt: Date.UTC(2030, 0) };
}

async function revoke(scene: Scene, selection: Selection): Promise<() => Promise<unknown>> {
  const { id } = await scene.revocations.revoke(selection, null, '', root);
  return () => scene.revocations.undo(id, root);
}

/** Ends what ana has. @returns what would undo that */
type Ending<Of = Pick<Approval, 'ana'>> = (scene: Scene, of: Of) => Promise<(() => Promise<unknown>) | null>;
const all: Readonly<Record<string, Ending>> = {
  'an administrator, by person': (scene, { ana }) => revoke(scene, { accountId: ana.id }),
  'an administrator, by domain': (scene) => revoke(scene, { domain: 'example.com' }),
  'an administrator, by group': (scene) => revoke(scene, { group: 'leads' }),
  'an administrator, by date': (scene) => revoke(scene, { createdBefore: scene.clock.at + 1 }),
  'off-boarding': async (scene, { ana }) => {
    const change = {
      reason: 'left',

      at: scene.clock.at,
      forSecurity: false,
      suspended: false,
    };
    assert.equal(await scene.store.people.shutOut(ana.id, change, unaudited), true);
    return () => scene.people.enable(ana.id, root);
  },
};
const disabledAndEnabled: Ending = async ({ people }, { ana }) => {
  await people.disable(ana.id, 'left', root);
  await people.enable(ana.id, root);
  return null;
};
const one: Readonly<Record<string, Ending<Terminals>>> = {
  'its owner': async ({ passwords }, { ana }) => {
    const machine = (await passwords.ofAccount(ana)).find(({ origin }) => origin?.kind === 'machine');
    await passwords.revoke(machine?.id ?? '', ana.id, { actor: ana.login, client });
    return null;
  },
  'a report that its refresh secret leaked': async ({ leaks }, { machine }) => {
    assert.equal(await leaks.report(`${machine}\n`, client), true);
    return null;
  },
  'a report that a password of it leaked': async ({ leaks }, { password }) => {
    assert.equal(await leaks.report(password, client), true);
    return null;
  },
  'someone who disables the account, also where that is undone': disabledAndEnabled,
};

describeEngines('what ends a machine', (databases) => {
  const scene = (action: (scene: Scene, of: Terminals) => Promise<void>) => () =>
    withScene(databases, async (opened) => action(opened, await withTerminals(opened)));

  for (const [name, end] of Object.entries({ ...all, ...one })) {
    test(
      name,
      scene(async (opened, terminals) => {
        for (const works of [terminals.renewal, terminals.use, terminals.login]) assert.equal(await works(), 'works');
        const undo = await end(opened, terminals);
        const ended = async (when: string) => {
          assert.match(await terminals.renewal(), /revoked|disabled/, when);
          assert.match(await terminals.use(), /revoked|disabled/, when);
        };
        await ended('immediately');
        if (!(name in all)) return;
        assert.match(await terminals.login(), /revoked|disabled/);
        assert.match(await terminals.pending(), /unknown/, 'what was approved before brings nothing');
        await undo?.();
        await ended('after the undo');
      }),
    );
  }

  const others: Readonly<Record<string, Ending>> = {
    'disabled and enabled again': disabledAndEnabled,
    'asked to sign in again, and signs in': async ({ store, clock, addPerson }, { ana }) => {
      const change = { reason: 'the provider says so', at: clock.at, forSecurity: false };
      assert.equal(await store.people.requireSignIn(ana.id, change, unaudited), true);
      clock.at += 1;
      await addPerson('ana');
      const active = { state: 'active', reason: null, by: ana.login, at: clock.at } as const;
      await store.accounts.setState(ana.id, active, unaudited);
      return null;
    },
    removed: async ({ people }, { ana }) => {
      await people.remove(ana.id, root);
      return null;
    },
    'signed out everywhere': async ({ people, events }, { ana }) => {
      assert.equal(await people.endSessions(ana.id, root), 0);
      assert.deepEqual(events.at(-1)?.detail, { sessions: 0, approvals: 1 });
      return null;
    },
    'signed out of another browser': async ({ people, events, store }, { ana }) => {
      await store.sessions.write('other', sessionOf(ana));
      assert.equal(await people.endSession(ana.id, 'other', root), true);
      assert.deepEqual(events.at(-1)?.detail, { sessions: 1, approvals: 1 });
      return null;
    },
    'signed out by the provider': async ({ store }, { ana }) => {
      await store.sessions.write('other', { ...sessionOf(ana), providerSession: 'S1' });
      const removed = { told: {} };
      const audit = (ended: object) => {
        removed.told = ended;
        return null;
      };
      assert.equal(await store.sessions.removeOfProviderSession('S2', null, audit), 0);
      assert.equal(await store.sessions.removeOfProviderSession('S1', 'someone else', audit), 0);
      assert.deepEqual(removed.told, {}, 'another session, or of someone else');
      assert.equal(await store.sessions.removeOfProviderSession('S1', null, audit), 1);
      assert.deepEqual(removed.told, { sessions: 1, approvals: 1 });
      return null;
    },
  };
  for (const purpose of ['machine', 'login'] as const) {
    for (const [name, end] of Object.entries({ ...all, ...others })) {
      test(
        `ends what someone without passwords approved: ${purpose}, ${name}`,
        withApproval(databases, purpose, async (opened, of) => {
          await opened.passwords.issue(await opened.addPerson('bo'), input, root);
          opened.clock.at += 1;
          const undo = await end(opened, of);
          assert.equal(await of.collect(), 'unknown');
          await undo?.();
          assert.equal(await of.collect(), 'unknown', 'an undo brings no approval back');
          assert.deepEqual(await opened.passwords.ofAccount(of.ana), []);
        }),
      );
    }
  }

  test(
    'a sign-out of one browser, of someone else, or of a session that has ended already ends no approval',
    withApproval(databases, 'login', async ({ people, store, addPerson, events }, { ana, collect }) => {
      const bo = await addPerson('bo');
      await store.sessions.write('own', sessionOf(ana));
      await store.sessions.remove('own');
      await store.sessions.write('of bo', sessionOf(bo));
      assert.equal(await people.endSessions(bo.id, root), 1);
      const before = events.length;
      assert.equal(await people.endSession(ana.id, 'own', root), false);
      assert.equal(events.length, before, 'and the audit has nothing of it');
      assert.match(await collect(), /^dkp_/);
    }),
  );

  test(
    'a revocation says how many approvals it would end, before and in the audit; where there is nothing else, it ends them',
    withApproval(databases, 'machine', async ({ revocations, people, events, clock }, { ana, collect }) => {
      const terminals = async (selection: Selection) => (await revocations.preview(selection)).approvedTerminals;
      assert.equal(await terminals({ accountId: ana.id }), 1);
      assert.equal((await people.detail(ana.id)).approvedTerminals, 1);
      assert.equal(await terminals({ domain: 'other.example' }), 0, 'of someone else');
      assert.equal(await terminals({ createdBefore: clock.at }), 0, 'approved at that moment');
      assert.equal(await terminals({ accountId: ana.id, unusedSince: clock.at + 1 }), 0, 'nothing that could be used');
      const { id, passwords } = await revocations.revoke({ accountId: ana.id }, 0, '', root);
      assert.equal(passwords, 0);
      const { detail, subject } = events.at(-1) ?? assert.fail();
      assert.deepEqual([subject, detail?.['passwords'], detail?.['approvedTerminals']], [ana.login, 0, 1]);
      assert.equal(await revocations.undo(id, root), 0);
      assert.equal(await collect(), 'unknown');
      await assert.rejects(revocations.revoke({ accountId: ana.id }, 0, '', root), /nothing to revoke/);
    }),
  );

  test(
    'what a terminal collects while a revocation looks for approvals is revoked by it',
    withApproval(databases, 'login', async (opened, { ana, collect }) => {
      const { store, uses, administrators, audit, clock, gracePeriods } = opened;
      let secret = '';
      const begin: typeof store.revocations.begin = async (...args) => {
        secret = await collect();
        await store.revocations.begin(...args);
      };
      const slow = { ...store, revocations: { ...store.revocations, begin } };
      const parts = { uses, administrators, audit, gracePeriods, now: () => clock.at, activityOf: async () => null };
      const revocations = createRevocations({ ...parts, store: slow });
      const { passwords } = await revocations.revoke({ accountId: ana.id }, 0, '', root);
      assert.equal(passwords, 1);
      assert.match(String(await opened.login(ana.login, secret)), /revoked/);
    }),
  );

  for (const when of ['before', 'at that moment'] as const) {
    test(
      `a secret that replaces another ends what was made of the first ${when}`,
      withApproval(databases, 'login', async (opened, { ana, collect }) => {
        const service = 'registry.example.com';
        const [first, identity] = await loggedIn(opened, ana, await collect());
        const issue = () => opened.identityTokens.issue(first, identity, service, client);
        const before = when === 'before' ? await issue() : null;
        const [second, same] = await loggedIn(opened, ana, await collect());
        const token = before ?? (await issue()) ?? '';
        assert.match(token, /^dki_/);
        assert.equal(await opened.identityTokens.verify(token, service), null);
        const next = (await opened.identityTokens.issue(second, same, service, client)) ?? '';
        assert.notEqual(await opened.identityTokens.verify(next, service), null);
        await issue();
        assert.notEqual(await opened.identityTokens.verify(next, service), null, 'the first takes no place of it');
      }),
    );
  }

  test(
    'a machine that is collected again at the moment when it asks for a password gets none',
    withApproval(databases, 'machine', async ({ store, clock, terminal, pepper }, { collect }) => {
      const row = (await store.machines.secretByHash(pepper.hash(await collect()))) ?? assert.fail();
      const secret = await collect();
      const password = { hash: 'h', ends_at: clock.at + day };
      assert.equal(await store.machines.addPassword(row, password, clock.at, 20), false);
      assert.equal(await store.machines.passwordByHash('h'), undefined);
      assert.match((await terminal.machines.renew(secret, client)).password, /^dkt_/);
    }),
  );

  test(
    'an undo brings the login back, whose secret is a password like any other',
    scene(async (opened, terminals) => {
      const undo = await revoke(opened, { accountId: terminals.ana.id });
      await undo();
      assert.equal(await terminals.login(), 'works');
      assert.match(await terminals.renewal(), /revoked/);
    }),
  );

  test(
    'whoever has to sign in again gets no password from it until then; one who is disabled has to set it up again',
    scene(async ({ store, clock, addPerson }, terminals) => {
      const change = { reason: 'the provider says so', at: clock.at, forSecurity: false };
      await store.people.requireSignIn(terminals.ana.id, change, unaudited);
      assert.match(await terminals.renewal(), /sign in again: https:\/\/auth\.example\.com/);
      assert.match(await terminals.use(), /sign in again/);
      clock.at += 1;
      await addPerson('ana');
      await store.accounts.setState(
        terminals.ana.id,
        { state: 'active', reason: null, by: 'ana@example.com', at: clock.at },
        unaudited,
      );
      assert.equal(await terminals.renewal(), 'works');
    }),
  );

  test(
    'it is something that works: for the sweep, in lists, and for whom a person is removed',
    scene(async (opened, { ana }) => {
      const { store, clock, passwords, people } = opened;
      const bo = await holderOfMachine(opened, 'bo');
      const due = (await store.accounts.due(clock.at, clock.at)).map(({ id }) => id);
      assert.deepEqual(due.toSorted(), ['ana', 'bo']);
      assert.deepEqual(
        (await passwords.ofAccount(bo)).map(({ origin, state }) => [origin?.kind, state]),
        [['machine', 'active']],
      );
      assert.equal((await people.detail(bo.id)).person.activePasswords, 1);
      await people.remove(ana.id, root);
      assert.equal(await store.accounts.byId(ana.id), undefined);
    }),
  );

  test(
    'a login of a terminal is no password that someone has to look after before it ends; a machine is',
    scene(async ({ store, clock }) => {
      const until = clock.at + 100 * day;
      assert.equal(await store.passwords.countExpiring(clock.at, until), 1);
      assert.deepEqual(
        (await store.passwords.expiring(clock.at, until)).map(({ origin }) => origin),
        ['machine'],
      );
    }),
  );

  test(
    'a month after they expired, logins and machines are no longer kept',
    scene(async ({ store, clock, passwords }, { ana }) => {
      clock.at += 40 * day;
      assert.equal(await store.machines.removeExpired(clock.at - 30 * day, 10), 1, 'the login');
      assert.equal((await passwords.ofAccount(ana)).length, 1);
      clock.at += 90 * day;
      assert.equal(await store.machines.removeExpired(clock.at - 30 * day, 10), 1, 'the machine');
      assert.deepEqual(await passwords.ofAccount(ana), []);
    }),
  );
});

/** Someone who holds nothing but a machine. */
async function holderOfMachine({ addPerson, terminal }: Scene, name: string): Promise<Account> {
  const account = await addPerson(name);
  const input = { service: 'registry.example.com', purpose: 'machine', machine: 'm', loopback: null } as const;
  const { deviceCode, userCode } = await terminal.requests.start(input, client);
  const decider = { accountId: account.id, login: account.login, client };
  await terminal.requests.decide(userCode, decider, { approved: true, limits });
  await terminal.poll(deviceCode, client);
  return account;
}

/** What someone sends with this secret, and what it proves. */
async function loggedIn({ login }: Scene, { login: username }: Account, password: string) {
  const identity = await login(username, password);
  return [{ username, password }, isIdentity(identity) ? identity : assert.fail(String(identity))] as const;
}

function isIdentity(proven: Awaited<ReturnType<Scene['login']>>): proven is Identity {
  return proven !== null && typeof proven === 'object';
}
