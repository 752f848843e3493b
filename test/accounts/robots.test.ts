/** Who makes a robot, who manages it, what it may be given, and that it outlives its maker. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RobotInput, type RobotManager, versionOf } from '../../src/accounts/robot-facts.ts';
import { commandLine } from '../../src/app-passwords/maker.ts';
import { decide } from '../../src/policy/decide.ts';
import { day, input, refusal, root, type Scene, withScene } from '../support/administration-scene.ts';
import { describeEngines } from '../support/engines.ts';

const administrator: RobotManager = { administrator: true, accountId: null };
const inPlatform: RobotManager = { administrator: false, accountId: 'ana', groups: ['platform'] };
const inOther: RobotManager = { administrator: false, accountId: 'bo', groups: ['other'] };
const robot: RobotInput = {
  name: 'ci-web',
  description: 'builds',
  ownerGroup: 'platform',
  groups: ['platform'],
  labels: {},
};

describeEngines('a robot', (databases) => {
  const scene = (action: (scene: Scene) => Promise<void>) => () => withScene(databases, action);

  test(
    'is made by a member of its group, whose other members and administrators see it, and nobody else',
    scene(async ({ robots }) => {
      const made = await robots.create(robot, inPlatform, { actor: 'ana@example.com', client: null });
      assert.deepEqual(
        [made.login, made.name, made.createdBy, made.state, made.activePasswords],
        ['robot-ci-web', 'ci-web', 'ana@example.com', 'active', 0],
      );
      const seenBy = async (manager: RobotManager) => (await robots.list(manager)).map(({ name }) => name);
      assert.deepEqual([await seenBy(administrator), await seenBy(inPlatform)], [['ci-web'], ['ci-web']]);
      assert.deepEqual(await seenBy(inOther), []);
      await assert.rejects(robots.byId(made.id, inOther), refusal('not_found', /no robot .* that you manage/));
      await assert.rejects(robots.change(made.id, robot, inOther, root), refusal('not_found', /no robot/));
      await assert.rejects(robots.setState(made.id, 'disabled', inOther, root), refusal('not_found', /no robot/));
    }),
  );

  test(
    'is given no group that its maker is not in, and labels by administrators alone',
    scene(async ({ robots }) => {
      const denied = (change: Partial<RobotInput>, message: RegExp) =>
        assert.rejects(robots.create({ ...robot, ...change }, inPlatform, root), refusal('denied', message));
      await denied({ groups: ['platform', 'admins'] }, /not a member of admins/);
      await denied({ ownerGroup: 'other' }, /not a member of other/);
      await denied({ labels: { team: ['x'] } }, /Only administrators/);
      const given = { groups: ['admins'], labels: { team: ['x'] } };
      const made = await robots.create({ ...robot, ...given }, administrator, root);
      const changed = await robots.change(made.id, { ...robot, ...given, description: 'new' }, inPlatform, root);
      assert.deepEqual([changed.description, changed.groups, changed.labels], ['new', ['admins'], { team: ['x'] }]);
      await assert.rejects(
        robots.change(made.id, { ...robot, ...given, labels: {} }, inPlatform, root),
        refusal('denied', /Only administrators/),
      );
    }),
  );

  test(
    'has a name that a registry accepts, and that nobody else has, in the policy file neither',
    scene(async ({ robots }) => {
      await assert.rejects(
        robots.create({ ...robot, name: '' }, administrator, root),
        refusal('bad_request', /^Give the robot a name, for example ci-frontend\.$/),
      );
      for (const name of ['CI', 'a b', '-a', 'a--', 'a@b', 'a:b', 'x'.repeat(41)]) {
        await assert.rejects(
          robots.create({ ...robot, name }, administrator, root),
          refusal('bad_request', /Use lower-case letters/),
        );
      }
      await robots.create(robot, administrator, root);
      await assert.rejects(robots.create(robot, administrator, root), refusal('conflict', /robot-ci-web already/));
      const taken = { ...robot, name: 'taken' };
      await assert.rejects(robots.create(taken, administrator, root), refusal('conflict', /robot-taken already/));
    }),
  );

  test(
    'logs in with a secret that says what it is, and the policy sees its groups and labels, however old they are',
    scene(async ({ robots, passwords, login, clock, policy }) => {
      const made = await robots.create({ ...robot, labels: { team: ['web'] } }, administrator, root);
      const { secret } = await passwords.issue({ ...made, kind: 'robot' }, { ...input, days: 365 }, root, commandLine);
      assert.match(secret, /^dkr_/);
      clock.at += 200 * day;
      const identity = await login('robot-ci-web', secret);
      assert.ok(identity !== null && typeof identity === 'object');
      assert.deepEqual(
        [identity.kind, identity.groups, identity.labels, identity.groupsKnown],
        ['robot', ['platform'], { team: ['web'] }, true],
      );
      const access = { type: 'repository', name: 'a/b', actions: ['push'] };
      assert.deepEqual(decide(policy, identity, access, { service: '', address: '' }).granted, ['push']);
      const { id } = (await passwords.ofAccount(made))[0] ?? { id: '' };
      const rotated = await passwords.rotate(id, made.id, { days: 30, overlapHours: 1 }, root, commandLine);
      assert.match(rotated.secret, /^dkr_/);
    }),
  );

  test(
    'stays when its maker is disabled; disabled itself, its passwords rest; what changed stands in the audit',
    scene(async ({ addPerson, people, robots, passwords, login, events }) => {
      const ana = await addPerson('ana');
      const made = await robots.create(robot, inPlatform, { actor: ana.login, client: null });
      const { secret } = await passwords.issue({ ...made, kind: 'robot' }, input, root, commandLine);
      await people.disable(ana.id, 'has left', root);
      assert.equal(typeof (await login('robot-ci-web', secret)), 'object');
      await robots.setState(made.id, 'disabled', inPlatform, root);
      assert.match(String(await login('robot-ci-web', secret)), /is disabled/);
      assert.equal((await robots.setState(made.id, 'active', inPlatform, root)).activePasswords, 1);
      assert.equal(typeof (await login('robot-ci-web', secret)), 'object');
      await robots.change(made.id, { ...robot, description: 'tests' }, administrator, root);
      const facts = { ownerGroup: 'platform', groups: ['platform'], labels: {} };
      const [before, after] = ['builds', 'tests'].map((description) => ({ description, ...facts }));
      assert.deepEqual(events.at(-1)?.detail, { before, after });
    }),
  );

  test(
    'is changed only from what it was when the change was decided',
    scene(async ({ robots, store, events, audit }) => {
      const { id, login } = await robots.create(robot, inPlatform, root);
      const seen = (await store.robots.byId(id, 1)) ?? assert.fail();
      const version = versionOf(await robots.byId(id, administrator));
      await robots.change(id, { ...robot, groups: [] }, administrator, root, version);
      const late = robots.change(id, robot, administrator, root, version);
      await assert.rejects(late, refusal('conflict', /changed this robot meanwhile/));
      const facts = { description: '', owner_group: 'platform', groups_json: '["platform"]', labels_json: '{}' };
      const event = { action: 'robot.change', ...root, subject: login } as const;
      const isStored = await audit.commit(event, (row) => store.robots.change(id, seen, facts, row));
      assert.equal(isStored, false);
      assert.deepEqual((await robots.byId(id, administrator)).groups, []);
      assert.equal(events.filter(({ action }) => action === 'robot.change').length, 1);
    }),
  );

  test(
    'stays disabled when an administrator disabled it, until one enables it',
    scene(async ({ robots, passwords, login, store }) => {
      const { id } = await robots.create(robot, inPlatform, root);
      const row = (await store.accounts.byId(id)) ?? assert.fail();
      const { secret } = await passwords.issue({ ...row, kind: 'robot' }, input, root, commandLine);
      await robots.setState(id, 'disabled', administrator, root);
      assert.match(String(await login('robot-ci-web', secret)), /disabled by an administrator/);
      const enable = robots.setState(id, 'active', inPlatform, root);
      await assert.rejects(enable, refusal('denied', /only administrators enable it/));
      assert.match(String(await login('robot-ci-web', secret)), /is disabled/);
      assert.equal((await robots.setState(id, 'active', administrator, root)).state, 'active');
      await robots.setState(id, 'disabled', inPlatform, root);
      assert.equal((await robots.setState(id, 'active', inPlatform, root)).state, 'active', 'what they did themselves');
      await robots.setState(id, 'disabled', inPlatform, root);
      await robots.setState(id, 'disabled', administrator, root);
      await robots.setState(id, 'disabled', inPlatform, root);
      const again = robots.setState(id, 'active', inPlatform, root);
      await assert.rejects(again, refusal('denied', /only administrators enable it/), 'disabled a second time');
    }),
  );
});
