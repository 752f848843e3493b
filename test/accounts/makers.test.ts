/** Who made a robot's password, and what becomes of it: bounded, rotated, adopted, suspended, confirmed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RobotManager } from '../../src/accounts/robot-facts.ts';
import { reviewRobots } from '../../src/accounts/robot-review.ts';
import { makerOf, type Robot } from '../../src/accounts/robots.ts';
import { createAppPasswords } from '../../src/app-passwords/app-passwords.ts';
import { commandLine } from '../../src/app-passwords/maker.ts';
import type { Identity } from '../../src/identity/identity.ts';
import { createPepper } from '../../src/lib/secret.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { decide } from '../../src/policy/decide.ts';
import { viewOf } from '../../src/web/password-view.ts';
import { client, day, hour, input, refusal, root, type Scene, withScene } from '../support/administration-scene.ts';
import { collectingAudit, unaudited } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';
import { newPassword } from '../support/rows.ts';

const policy = parsePolicy(
  `
acl:
  - {match: {group: "google:contractors", name: "prod/**"}, actions: []}
  - {match: {group: "google:dev"}, actions: [pull, push]}
`,
  'policy.yml',
);
const facts = { description: '', ownerGroup: 'google:dev', groups: ['google:dev'], labels: {} };
const administrator: RobotManager = { administrator: true, accountId: 'root' };
const managerOf = (accountId: string): RobotManager => ({ administrator: false, accountId, groups: ['google:dev'] });
const byOf = (name: string) => ({ actor: `${name}@example.com`, client });

/** eve is in dev and contractors, ana in dev alone; each makes a password of the same robot. */
async function withRobot(scene: Scene) {
  await scene.addPerson('root');
  await scene.addPerson('eve', { groups: ['google:dev', 'google:contractors'] });
  await scene.addPerson('ana', { groups: ['google:dev'] });
  const robot = await scene.robots.create({ ...facts, name: 'ci' }, managerOf('ana'), byOf('ana'));
  return { robot, eves: await issueBy(scene, robot, 'eve'), anas: await issueBy(scene, robot, 'ana') };
}

function issueBy({ passwords }: Scene, robot: Robot, name: string) {
  const maker = makerOf(managerOf(name));
  return passwords.issue({ ...robot, kind: 'robot' }, { ...input, name: `of ${name}` }, byOf(name), maker);
}

async function grantedTo(scene: Scene, secret: string, name = 'prod/web'): Promise<readonly string[] | string> {
  const identity: Identity | string | null = await scene.login('robot-ci', secret);
  if (identity === null || typeof identity === 'string') return identity ?? 'wrong';
  return decide(policy, identity, { type: 'repository', name, actions: ['push'] }, { service: '', address: '' })
    .granted;
}

describeEngines("a robot's password", (databases) => {
  const scene = (action: (scene: Scene) => Promise<void>) => () => withScene(databases, action);

  test(
    'does no more than whoever made it, now: groups that change count, and an administrator’s is not bounded',
    scene(async (scene) => {
      const { robot, eves, anas } = await withRobot(scene);
      assert.deepEqual(await grantedTo(scene, eves.secret), []);
      assert.deepEqual(await grantedTo(scene, eves.secret, 'team/web'), ['push']);
      assert.deepEqual(await grantedTo(scene, anas.secret), ['push']);
      await scene.addPerson('ana', { groups: [] });
      assert.deepEqual(await grantedTo(scene, anas.secret), []);
      const owner = { ...robot, kind: 'robot' } as const;
      const roots = await scene.passwords.issue(owner, { ...input, name: 'root' }, root, makerOf(administrator));
      assert.deepEqual(await grantedTo(scene, roots.secret), ['push']);
      await assert.rejects(scene.passwords.issue(owner, { ...input, name: 'x' }, root), /needs a maker/);
    }),
  );

  test(
    'belongs to whoever rotates it; the old secret keeps its maker',
    scene(async (scene) => {
      const { robot, anas } = await withRobot(scene);
      const rotation = { days: 30, overlapHours: 48 };
      const rotated = await scene.passwords.rotate(
        anas.password.id,
        robot.id,
        rotation,
        byOf('eve'),
        makerOf(managerOf('eve')),
      );
      assert.deepEqual(await grantedTo(scene, rotated.secret), []);
      assert.deepEqual(await grantedTo(scene, anas.secret), ['push']);
      const { action, detail } = scene.events.at(-1) ?? assert.fail();
      assert.deepEqual([action, detail?.['adoptedFrom']], ['password.adopt', 'ana@example.com']);
    }),
  );

  test(
    'of someone who left works as it did for the grace period, then waits to be adopted',
    scene(async (scene) => {
      const { robot, anas, eves } = await withRobot(scene);
      const { people, passwords, clock } = scene;
      for (const id of ['ana', 'eve']) await people.disable(id, 'left', root);
      await scene.store.accounts.confirm('ana', { at: clock.at + 1, groups: ['google:dev', 'google:new'] }, unaudited);
      clock.at += 7 * day - hour;
      assert.deepEqual(await grantedTo(scene, anas.secret), ['push'], 'also where groups would be too old');
      assert.deepEqual(await grantedTo(scene, eves.secret), []);
      const rotation = { days: 30, overlapHours: 48 };
      const adopted = await passwords.rotate(eves.password.id, robot.id, rotation, root, makerOf(administrator));
      assert.deepEqual(await grantedTo(scene, adopted.secret), ['push']);
      assert.deepEqual(await grantedTo(scene, eves.secret), [], 'an adoption gives the old secret nothing');
      clock.at += hour + 1;
      assert.match(String(await grantedTo(scene, eves.secret)), /expired/, 'and it ends with the grace period');
      assert.match(
        String(await grantedTo(scene, anas.secret)),
        /made by ana@example\.com, whose account stopped working .* another owner of the robot can adopt it/,
      );
      const late = await passwords.rotate(anas.password.id, robot.id, rotation, root, makerOf(administrator));
      assert.deepEqual(await grantedTo(scene, late.secret), ['push']);
      await people.enable('ana', root);
      assert.match(String(await grantedTo(scene, anas.secret)), /expired/, 'whoever adopted it has the only secret');
    }),
  );

  test(
    'of someone who has to sign in again, as no one can be asked about them, works for the grace period from then on',
    scene(async (scene) => {
      const { passwords, clock, gracePeriods, people, store } = scene;
      const { robot, anas } = await withRobot(scene);
      const owner = { ...robot, kind: 'robot' } as const;
      await scene.addPerson('boss');
      const asBoss = { accountId: 'boss', as: 'administrator' } as const;
      const bosses = await passwords.issue(owner, { ...input, name: 'boss' }, byOf('boss'), asBoss);
      gracePeriods.unchecked = 20 * day;
      const leftAt = async () => (await people.detail('ana')).made.passwords.map(({ maker }) => maker?.leftAt);
      const stopsAt = clock.at + 20 * day;
      clock.at = stopsAt;
      assert.deepEqual(await leftAt(), [null]);
      clock.at += 1;
      assert.deepEqual(await leftAt(), [stopsAt]);
      clock.at = stopsAt + 7 * day - hour;
      assert.deepEqual(
        [await grantedTo(scene, anas.secret), await grantedTo(scene, bosses.secret)],
        [['push'], ['push']],
      );
      clock.at += hour;
      for (const [name, { secret }] of [
        ['ana', anas],
        ['boss', bosses],
      ] as const) {
        const since = `${name}@example.com, who hasn't signed in since 2026-11-23 09:00 UTC`;
        const remedy = 'it works again once they do, and another owner of the robot can adopt it';
        assert.ok(String(await grantedTo(scene, secret)).endsWith(`was made by ${since}; ${remedy}`));
      }
      const [listed] = await passwords.madeBy('ana');
      assert.equal(
        listed && viewOf(listed, clock.at).maker?.text,
        'made by ana@example.com, who hasn’t signed in since 2026-11-23',
      );

      for (const name of ['ana', 'boss']) await scene.addPerson(name, { groups: ['google:dev'] });
      assert.deepEqual(
        [await grantedTo(scene, anas.secret), await grantedTo(scene, bosses.secret)],
        [['push'], ['push']],
      );
      for (const id of ['ana', 'boss']) await store.accounts.confirm(id, { at: clock.at, groups: null }, unaudited);
      clock.at += 29 * day;
      assert.deepEqual(await grantedTo(scene, anas.secret), ['push'], 'once the provider can be asked, that decides');
    }),
  );

  test(
    'of someone about whom no one can be asked knows no groups that are too old for its maker',
    scene(async (scene) => {
      const { anas } = await withRobot(scene);
      scene.gracePeriods.unchecked = scene.gracePeriods.groups;
      scene.clock.at += scene.gracePeriods.groups;
      assert.deepEqual(await grantedTo(scene, anas.secret), ['push']);
      scene.clock.at += 1;
      assert.deepEqual(await grantedTo(scene, anas.secret), []);
    }),
  );

  test(
    'of someone who was disabled for security or removed stops immediately, also an administrator’s',
    scene(async (scene) => {
      const { robot, anas, eves } = await withRobot(scene);
      const owner = { ...robot, kind: 'robot' } as const;
      await scene.addPerson('boss');
      const asBoss = { accountId: 'boss', as: 'administrator' } as const;
      const bosses = await scene.passwords.issue(owner, { ...input, name: 'boss' }, byOf('boss'), asBoss);
      await scene.people.disable('ana', 'stolen laptop', root, { forSecurity: true });
      assert.match(String(await grantedTo(scene, anas.secret)), /whose account stopped working/);
      await scene.people.disable('boss', 'left', root);
      assert.deepEqual(await grantedTo(scene, bosses.secret), ['push']);
      scene.clock.at += 7 * day;
      assert.match(String(await grantedTo(scene, bosses.secret)), /whose account stopped working/);
      await scene.people.disable('eve', 'left', root);
      await scene.people.disable('eve', 'stolen laptop', root, { forSecurity: true });
      assert.match(String(await grantedTo(scene, eves.secret)), /whose account stopped working/);
      assert.deepEqual(scene.events.at(-1)?.detail, { reason: 'stolen laptop', forSecurity: true }, 'audited as well');
      await scene.people.remove('eve', root);
      assert.match(String(await grantedTo(scene, eves.secret)), /someone whose account was removed/);
    }),
  );

  for (const first of ['shut out', 'required to sign in', 'disabled by an administrator'] as const) {
    for (const then of ['shutOut', 'requireSignIn'] as const) {
      test(
        `of someone who was ${first} stops immediately once the provider names a security reason (${then})`,
        scene(async (scene) => {
          const { anas } = await withRobot(scene);
          const { clock, people, store } = scene;
          clock.at += hour;
          const change = { reason: 'suspended', at: clock.at, forSecurity: false };
          if (first === 'shut out') await store.people.shutOut('ana', change, unaudited);
          if (first === 'required to sign in') await store.people.requireSignIn('ana', change, unaudited);
          if (first === 'disabled by an administrator') await people.disable('ana', 'left', root);
          assert.deepEqual(await grantedTo(scene, anas.secret), ['push']);
          clock.at += hour;
          await store.people[then]('ana', { ...change, at: clock.at, forSecurity: true }, unaudited);
          const ended = then === 'shutOut' ? /was revoked on .* by google/ : /whose account stopped working/;
          assert.match(String(await grantedTo(scene, anas.secret)), ended);
        }),
      );
    }
  }

  test(
    'is listed on the page of whoever made it, with the robot',
    scene(async ({ people, ...scene }) => {
      const { robot, anas } = await withRobot({ people, ...scene });
      const { made } = await people.detail('ana');
      assert.deepEqual(made.robots, [{ id: robot.id, login: 'robot-ci' }]);
      assert.deepEqual(
        made.passwords.map(({ id, login }) => [id, login]),
        [[anas.password.id, 'robot-ci']],
      );
    }),
  );

  test(
    'whose maker is unknown works until an administrator confirms or revokes it, and the review lists it',
    scene(async (scene) => {
      const { robot, eves } = await withRobot(scene);
      const { store, passwords, uses, clock, robots } = scene;
      const times = { created_at: clock.at, expires_at: clock.at + day };
      await store.passwords.insert(
        newPassword(robot.id, { id: 'old', hash: 'h', name: 'old', ...times }),
        50,
        unaudited,
      );
      const read: string[] = [];
      const counted: Pick<typeof uses, 'ofAccount'> = {
        ofAccount(id) {
          read.push(id);
          return uses.ofAccount(id);
        },
      };
      const parts = {
        ...{
          store,
          passwords,
          uses: counted,
          policy: () => policy,
          services: [{ name: 'registry' }],
          now: () => clock.at,
        },
        ...{
          makerRules: { enforced: false, grace: day },
          gracePeriods: { groups: day, full: day, pull: day, unchecked: null },
        },
      };
      const identity = await scene.login('robot-ci', eves.secret);
      assert.ok(identity !== null && typeof identity === 'object');
      uses.record(identity, client, [{ type: 'repository', name: 'prod/web', actions: ['push'] }]);
      await uses.flush();
      const review = async () =>
        (await reviewRobots(parts)).map(({ password, why }) => [
          password.name,
          why.kind,
          why.kind === 'beyond' ? why.scopes.join() : '',
        ]);
      assert.deepEqual(await review(), [
        ['of eve', 'beyond', 'repository:prod/web:pull,push'],
        ['old', 'unknown', ''],
      ]);
      assert.deepEqual(read, [robot.id], 'once for all passwords of a robot');
      const confirm = (manager: RobotManager) => robots.confirmMaker('old', robot.id, manager, root);
      await assert.rejects(confirm(managerOf('ana')), refusal('denied', /Only administrators/));
      await confirm(administrator);
      assert.deepEqual((await review()).length, 1);
      await assert.rejects(confirm(administrator), refusal('conflict', /known already/));
    }),
  );
});

describeEngines('robots of people', (databases) => {
  const scene = (action: (scene: Scene) => Promise<void>) => () => withScene(databases, action);

  test(
    'are limited in number, and can be deleted with their passwords',
    scene(async (scene) => {
      const { robot, anas } = await withRobot(scene);
      const { robots, events } = scene;
      await robots.create({ ...facts, name: 'second' }, managerOf('ana'), byOf('ana'));
      const third = () => robots.create({ ...facts, name: 'third' }, managerOf('ana'), byOf('ana'));
      await assert.rejects(third(), refusal('conflict', /made 2 robots, which is the limit/));
      await robots.create({ ...facts, name: 'of-root' }, administrator, root);
      await robots.remove(robot.id, managerOf('ana'), byOf('ana'));
      assert.deepEqual(events.at(-1)?.detail?.['passwords'], 2);
      assert.equal(await grantedTo(scene, anas.secret), 'wrong');
      await third();
    }),
  );

  test(
    'get other groups from administrators alone, once one of those has made a password',
    scene(async (scene) => {
      const { robot } = await withRobot(scene);
      const { robots, passwords } = scene;
      await robots.change(robot.id, { ...facts, groups: [] }, managerOf('ana'), byOf('ana'));
      await passwords.issue({ ...robot, kind: 'robot' }, { ...input, name: 'cli' }, root, commandLine);
      const change = robots.change(robot.id, facts, managerOf('ana'), byOf('ana'));
      await assert.rejects(change, refusal('denied', /An administrator made a password/));
      await robots.change(robot.id, facts, administrator, root);
    }),
  );

  test(
    'is the only one that reads a maker: a person’s login reads no more rows than before',
    scene(async (scene) => {
      const { store, authority, events, clock } = scene;
      const gracePeriods = { groups: day, full: day, pull: day, unchecked: null };
      const passwords = createAppPasswords({
        ...{ store: store.passwords, authority, gracePeriods, makerRules: { enforced: true, grace: 0 } },
        ...{
          audit: collectingAudit(events, store.audit),
          pepper: createPepper('p'.repeat(32)),
          onError: assert.ifError,
        },
        ...{ now: () => clock.at, publicUrl: 'https://auth.example.com/', maximumDays: 9, maximumPerAccount: 9 },
        checkPattern: () => null,
        accountById: () => assert.fail('a maker was read'),
      });
      const ana = await scene.addPerson('ana');
      const { secret } = await passwords.issue(ana, { ...input, days: 9 }, root);
      const identity = await passwords.authenticator.verify({ username: ana.login, password: secret });
      assert.equal(identity?.account, ana.login);
    }),
  );
});
