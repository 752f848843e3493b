/** What someone held whom their provider shut out, and that none of it comes back with their next sign-in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makerOf } from '../../src/accounts/robots.ts';
import { commandLine } from '../../src/app-passwords/maker.ts';
import { createLeavers } from '../../src/off-boarding/leavers.ts';
import { createAdmission } from '../../src/sign-in/admission.ts';
import type { Connector, Profile } from '../../src/sign-in/connector.ts';
import { client, day, hour, input, refusal, root, type Scene, withScene } from '../support/administration-scene.ts';
import { collectingAudit } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';

const facts = { name: 'ci', description: '', ownerGroup: 'google:dev', groups: [], labels: {} };
const token = { name: 'off-boarding', days: 30, scopes: ['people:read'] };

/** Root is an administrator who holds a password, robots' passwords as an owner and as an administrator, and an API token. */
async function createRoot(scene: Scene) {
  const { id } = await scene.addPerson('root');
  const robot = await scene.robots.create(facts, { administrator: true, accountId: id }, root);
  const holdOwn = async (name: string) => ({
    own: (await scene.passwords.issue({ id, login: root.actor, kind: 'person' }, { ...input, name }, root)).secret,
    api: (await scene.apiTokens.issue(token, id, root)).secret,
  });
  const hold = async (name: string) => {
    const ofRobot = (kind: string, administrator: boolean) =>
      scene.passwords.issue(
        { ...robot, kind: 'robot' },
        { ...input, name: `${name}, as ${kind}` },
        root,
        makerOf(administrator ? { administrator, accountId: id } : { administrator, accountId: id, groups: [] }),
      );
    const robots = [(await ofRobot('owner', false)).secret, (await ofRobot('administrator', true)).secret];
    return { ...(await holdOwn(name)), robots };
  };
  return { id, hold, holdOwn, first: await hold('first') };
}

type Held = Awaited<ReturnType<typeof createRoot>>['first'];

/** What works now, and why the rest doesn't. */
async function tried(scene: Scene, { own, robots, api }: Held): Promise<string[]> {
  const login = async (name: string, secret: string) => {
    const result = await scene.login(name, secret);
    return typeof result === 'string' ? result : 'works';
  };
  const call = scene.apiTokens.verify(api, client).then(
    () => 'works',
    (error: Error) => error.message,
  );
  const byRobot = await Promise.all(robots.map((secret) => login('robot-ci', secret)));
  const short = (said: string) =>
    /works|was revoked|is revoked|stopped working|is disabled|isn't an administrator/.exec(said)?.[0] ?? said;
  return [await login(root.actor, own), ...byRobot, await call].map(short);
}

/** Root signs in again, and the provider has nothing against it. */
async function comeBack(scene: Scene, id: string): Promise<void> {
  const { store, authority, events, clock } = scene;
  const { provider, issuer, subject, email, domain } = (await store.accounts.byId(id)) ?? assert.fail();
  const admission = createAdmission({
    ...{ accounts: store.accounts, moves: store.accountMoves, retiredLogins: store.retiredLogins },
    ...{ authority, isStaticUser: () => false, audit: collectingAudit(events, store.audit), now: () => clock.at },
  });
  const profile: Profile = {
    ...{ provider, issuer, subject, email, domain, emailVerified: true, displayName: null, groups: null },
    ...{ refreshToken: null, providerSession: null, groupsProblem: null, groupsLeftOut: false, authenticatedAt: null },
  };
  const connector = { name: provider, label: provider, check: () => {} } as unknown as Connector; // all that is read of it
  await admission.admit(connector, profile, { client, answeredAt: clock.at });
}

function leaversOf({ store, clock, events }: Scene) {
  return createLeavers({
    ...{ people: store.people, sessions: store.sessions, forgetToken: async () => {} },
    audit: collectingAudit(events, store.audit, () => clock.at),
  });
}

describeEngines('someone whom their provider shut out', (databases) => {
  const shutOut = (
    forSecurity: boolean,
    action: (scene: Scene, root: Awaited<ReturnType<typeof start>>) => unknown,
  ) => {
    return () =>
      withScene(databases, async (scene) => {
        await action(scene, await start(scene, forSecurity));
      });
  };
  const start = async (scene: Scene, forSecurity: boolean) => {
    const made = await createRoot(scene);
    const { store, clock } = scene;
    const leavers = leaversOf(scene);
    const leave = async () => {
      clock.at += hour;
      const account = (await store.accounts.byId(made.id)) ?? assert.fail();
      return leavers.shutOut(account, 'hijacked', clock.at, { actor: 'google', client: null }, { forSecurity });
    };
    assert.equal(await leave(), true);
    return { ...made, leave };
  };

  test(
    'as hijacked comes back without anything that was held then, and can make it anew',
    shutOut(true, async (scene, { id, hold, first, leave }) => {
      const ended = ['was revoked', 'was revoked', 'was revoked', 'is revoked'];
      const { detail } = scene.events.at(-1) ?? assert.fail();
      const counts = { passwords: 1, sessions: 0, apiTokens: 1, robotPasswords: 2 };
      assert.deepEqual(detail, { reason: 'hijacked', ...counts, forSecurity: true });
      assert.deepEqual(await tried(scene, first), ['is disabled', ...ended.slice(1)]);
      assert.equal(await leave(), false, 'nothing is left to end');
      scene.clock.at += hour;
      await comeBack(scene, id);
      assert.deepEqual(await tried(scene, first), ended);
      assert.deepEqual(scene.events.at(-1)?.detail, { was: 'disabled', reason: 'hijacked' });
      const [listed] = await scene.apiTokens.list();
      assert.equal(listed?.revokedBy, 'google');
      assert.deepEqual(new Set(await tried(scene, await hold('second'))), new Set(['works']));
    }),
  );

  test(
    'as someone who left comes back to the robots’ passwords within their grace period, and to no API token',
    shutOut(false, async (scene, { id, first }) => {
      assert.deepEqual(await tried(scene, first), ['is disabled', 'works', 'works', 'is revoked']);
      scene.clock.at += 8 * day;
      assert.deepEqual(await tried(scene, first), ['is disabled', 'stopped working', 'stopped working', 'is revoked']);
      await comeBack(scene, id);
      assert.deepEqual(await tried(scene, first), ['was revoked', 'works', 'works', 'is revoked']);
    }),
  );

  for (const order of ['and then reported as disabled', 'after a report of being disabled'] as const) {
    test(`as suspended, ${order}, comes back to the robots’ passwords`, () =>
      withScene(databases, async (scene) => {
        const { id, first } = await createRoot(scene);
        const { store, clock } = scene;
        const leavers = leaversOf(scene);
        const google = { actor: 'google', client: null };
        const account = async () => (await store.accounts.byId(id)) ?? assert.fail();
        const suspend = async () =>
          leavers.shutOut(await account(), 'suspended', clock.at, google, { suspended: true });
        const report = async () =>
          leavers.requireSignIn(await account(), 'disabled', clock.at, google, { forSecurity: true });
        for (const say of order === 'and then reported as disabled' ? [suspend, report] : [report, suspend]) {
          clock.at += hour;
          assert.equal(await say(), true);
        }
        assert.deepEqual((await tried(scene, first)).slice(1, 3), ['stopped working', 'stopped working']);
        clock.at += hour;
        await comeBack(scene, id);
        assert.deepEqual(await tried(scene, first), ['was revoked', 'works', 'works', 'is revoked']);
      }));
  }

  test(
    'as hijacked makes no robots’ passwords in a request that was let in before',
    shutOut(true, async (scene, { id }) => {
      const robot = (await scene.store.accounts.byLogin('robot-ci')) ?? assert.fail();
      const maker = makerOf({ administrator: true, accountId: id });
      const refused = refusal('conflict', /Your account stopped working just now, so no password was made/);
      const owner = { ...robot, kind: 'robot' } as const;
      await assert.rejects(scene.passwords.issue(owner, { ...input, name: 'late' }, root, maker), refused);
      const ofOthers = await scene.passwords.issue(owner, { ...input, name: 'other' }, root, commandLine);
      const rotation = { days: 30, overlapHours: 0 };
      const rotate = scene.passwords.rotate(ofOthers.password.id, robot.id, rotation, root, maker);
      await assert.rejects(rotate, refused);
      assert.equal(typeof (await scene.login('robot-ci', ofOthers.secret)), 'object', 'and the old secret still works');
      scene.clock.at += hour;
      await comeBack(scene, id);
      await scene.passwords.issue(owner, { ...input, name: 'late' }, root, maker);
    }),
  );

  for (const [who, enable] of [
    ['the next sign-in', comeBack],
    ['an administrator', (scene: Scene, id: string) => scene.people.enable(id, { actor: 'other', client })],
  ] as const) {
    test(
      `as hijacked is given back nothing by ${who} that was made at the same moment`,
      shutOut(true, async (scene, { id, holdOwn }) => {
        // Requests that were let in before the account stopped.
        const late = { ...(await holdOwn('late')), robots: [] };
        assert.deepEqual(await tried(scene, late), ['is disabled', "isn't an administrator"]);
        scene.clock.at += hour;
        await enable(scene, id);
        assert.deepEqual(await tried(scene, late), ['was revoked', 'is revoked']);
        assert.equal(scene.events.at(-1)?.detail?.['revoked'], 2, 'and the audit says so');
      }),
    );
  }

  test('as hijacked keeps what was made after a sign-in that the report is older than', () =>
    withScene(databases, async (scene) => {
      const { id, first } = await createRoot(scene);
      const { clock, store } = scene;
      clock.at += hour;
      await scene.addPerson('root');
      const change = { reason: 'hijacked', at: clock.at - 1, forSecurity: true };
      assert.equal(await store.people.shutOut(id, change, () => null), false);
      assert.deepEqual(new Set(await tried(scene, first)), new Set(['works']));
    }));

  test('as hijacked keeps the robots’ passwords ended that a revocation had ended before, also once that is undone', () =>
    withScene(databases, async (scene) => {
      const { id, first } = await createRoot(scene);
      const { clock, store, revocations } = scene;
      const other = { actor: 'other', client };
      const robot = (await store.accounts.byLogin('robot-ci')) ?? assert.fail();
      const all = await revocations.revoke({ accountId: robot.id }, null, '', other);
      clock.at += hour;
      await store.people.shutOut(id, { reason: 'hijacked', at: clock.at, forSecurity: true }, () => null);
      assert.equal(await revocations.undo(all.id, other), 0);
      assert.deepEqual((await tried(scene, first)).slice(1, 3), ['was revoked', 'was revoked']);
    }));
});
