/** That denials are counted and not piled up, whatever is asked for, and name the rule or the password. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tidy } from '../../src/app/housekeeping.ts';
import { createDenials, type Denials } from '../../src/audit/denials.ts';
import { anonymous, type Identity } from '../../src/identity/identity.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { decide } from '../../src/policy/decide.ts';
import { openStore } from '../../src/store/open.ts';
import { databaseUnavailable } from '../../src/store/sql.ts';
import type { Store } from '../../src/store/store.ts';
import { day } from '../support/administration-scene.ts';
import { describeEngines } from '../support/engines.ts';
import { signedIn } from '../support/rows.ts';

const policy = parsePolicy(
  `
acl:
  - match: { account: "ana@example.com", name: "team/*" }
    actions: ["pull", "push"]
    comment: Ana works on team.
`,
  'policy.yml',
);
const ana: Identity = {
  ...anonymous,
  kind: 'person',
  account: 'ana@example.com',
  accountId: 'account-1',
  credential: { id: 'p1', name: 'laptop' },
};
const context = { service: 'registry.example.com', address: '192.0.2.1' };

type Scene = {
  readonly store: Store;
  readonly denials: Denials;
  readonly clock: { at: number };
  ask(identity: Identity, name: string, actions: readonly string[]): void;
};

describeEngines('denials', (databases) => {
  const scene = (action: (scene: Scene) => Promise<void>) => async () => {
    const store = await openStore(await databases.create(), () => {});
    await store.accounts.signIn(signedIn({}));
    const clock = { at: Date.UTC(2026, 10, 23, 9) };
    const denials = createDenials({ store: store.denials, onError: assert.ifError, now: () => clock.at });
    const ask = (identity: Identity, name: string, actions: readonly string[]) =>
      denials.record(identity, [decide(policy, identity, { type: 'repository', name, actions }, context)], context);
    await action({ store, denials, clock, ask });
    await denials.flush();
    await store.close();
  };

  test(
    'one row counts all of a person, repository, action and rule, and what is granted is none',
    scene(async ({ denials, clock, ask }) => {
      const first = clock.at;
      for (let times = 0; times < 3; times++) {
        ask(ana, 'other/app', ['pull']);
        ask(ana, 'team/app', ['pull', 'push']);
        if (times === 1) await denials.flush();
        clock.at += 1_000;
      }
      ask(ana, 'team/app', ['pull', 'delete']);
      const [deleted, pulled, ...more] = await denials.ofAccount('account-1');
      assert.deepEqual(more, []);
      assert.deepEqual(
        [pulled?.name, pulled?.action, pulled?.count, pulled?.by, pulled?.rule, pulled?.firstAt, pulled?.lastAt],
        ['other/app', 'pull', 3, 'policy', null, first, first + 2_000],
      );
      assert.deepEqual(
        [deleted?.action, deleted?.rule, deleted?.password, deleted?.address, deleted?.service],
        ['delete', { line: 3, comment: 'Ana works on team.' }, 'laptop', '192.0.2.1', 'registry.example.com'],
      );
    }),
  );

  test(
    'a request for a thousand names is counted for its first twenty denials',
    scene(async ({ denials }) => {
      const decisions = Array.from({ length: 1_000 }, (_, index) =>
        decide(
          policy,
          ana,
          { type: 'repository', name: `other/${index}`, actions: ['pull', 'push', 'delete'] },
          context,
        ),
      );
      for (let times = 0; times < 3; times++) denials.record(ana, decisions, context);
      const counted = await denials.ofAccount('account-1');
      assert.equal(counted.length, 20);
      assert.deepEqual(new Set(counted.map(({ count }) => count)), new Set([3]));
      assert.ok(counted.every(({ name }) => /^other\/[0-6]$/.test(name)));
    }),
  );

  test(
    'an account that asks for any number of names pushes out no denial of another',
    scene(async ({ denials, ask }) => {
      ask(ana, 'other/app', ['pull']);
      for (let name = 0; name < 11_000; name++) ask(anonymous, `other/${name}`, ['pull']);
      assert.equal((await denials.ofAccount('account-1')).length, 1);
      assert.equal((await denials.list({ account: '' })).length, 200);
      assert.equal(await denials.count({ account: '' }), 200);
      assert.equal(await denials.count({ repository: 'other/app' }), 1);
    }),
  );

  test(
    'nor does it while the database is away',
    scene(async ({ store, clock }) => {
      let isAway = true;
      const add = (...rows: Parameters<typeof store.denials.add>) =>
        isAway ? Promise.reject(databaseUnavailable('away')) : store.denials.add(...rows);
      const denials = createDenials({ store: { ...store.denials, add }, onError() {}, now: () => clock.at });
      const ask = (identity: Identity, name: string) => {
        const access = { type: 'repository', name, actions: ['pull'] };
        denials.record(identity, [decide(policy, identity, access, context)], context);
      };
      ask(ana, 'other/app');
      for (let tries = 0; tries < 60; tries++) {
        for (let name = 0; name < 200; name++) ask(anonymous, `other/${tries}/${name}`);
        await denials.flush();
      }
      isAway = false;
      assert.equal((await denials.ofAccount('account-1')).length, 1);
      assert.equal((await denials.list({ account: '' })).length, 200);
      ask(anonymous, 'other/new');
      assert.equal((await denials.list({ repository: 'other/new' })).length, 1, 'what was stored counts no longer');
    }),
  );

  test(
    'an action of any characters and any length holds up no other',
    scene(async ({ denials, ask }) => {
      ask(ana, 'other/app', ['pu\0ll', 'x'.repeat(10_000), '\ud800', 'pull']);
      const actions = (await denials.ofAccount('account-1')).map(({ action }) => action);
      assert.deepEqual(actions.toSorted(), ['pull', 'pu\uFFFDll', 'x'.repeat(255), '\uFFFD'].toSorted());
    }),
  );

  test(
    'what the policy allows and the password does not is told as such',
    scene(async ({ denials, ask }) => {
      ask({ ...ana, limits: { actions: ['pull'], repositories: null } }, 'team/app', ['pull', 'push', 'delete']);
      const found = await denials.ofAccount('account-1');
      assert.deepEqual(found.map(({ action, by }) => `${action} ${by}`).sort(), ['delete policy', 'push password']);
    }),
  );

  test(
    'whoever asks for thousands of names fills no more than their own share',
    scene(async ({ denials, clock, ask }) => {
      ask(ana, 'other/app', ['pull']);
      for (let index = 0; index < 450; index++) {
        clock.at += 1;
        ask(anonymous, `guess/${index}`, ['pull']);
        if (index % 100 === 0) await denials.flush();
      }
      const guesses = await denials.list({ account: '' });
      assert.equal(guesses.length, 200);
      assert.equal(guesses[0]?.name, 'guess/449', 'the latest stay');
      assert.equal((await denials.ofAccount('account-1')).length, 1);
    }),
  );

  test(
    'are found by person, repository and action, and go when they are old',
    scene(async ({ denials, store, clock, ask }) => {
      ask(ana, 'other/app', ['pull', 'push']);
      await denials.flush();
      clock.at += 31 * day;
      ask(anonymous, 'other/app', ['pull']);
      assert.equal((await denials.list({ repository: 'other/app' })).length, 3);
      assert.equal((await denials.list({ repository: 'other/app', account: ana.account.toUpperCase() })).length, 2);
      assert.equal((await denials.list({ repository: 'other/app', action: 'pull', account: ana.account })).length, 1);
      const silent = { debug() {}, info() {}, warn() {}, error() {} };
      const now = () => clock.at;
      await tidy({
        store,
        auditRetention: day,
        denialRetention: 30 * day,
        activity: { retention: day },
        log: silent,
        now,
      });
      assert.deepEqual(
        (await denials.list({})).map(({ account }) => account),
        [''],
      );
    }),
  );
});
