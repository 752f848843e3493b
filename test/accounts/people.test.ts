/** Who is found, in which order, what a person's page knows, and what disabling somebody stops. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PeopleQuery } from '../../src/accounts/people.ts';
import { ConstraintError } from '../../src/store/sql.ts';
import { client, day, input, refusal, root, type Scene, withScene } from '../support/administration-scene.ts';
import { unaudited } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';

const everybody: PeopleQuery = {
  search: '',
  state: null,
  provider: null,
  domain: null,
  group: null,
  sort: 'login',
  descending: false,
  page: 1,
};

describeEngines('people', (databases) => {
  const scene = (action: (scene: Scene) => Promise<void>) => () => withScene(databases, action);
  const found = async ({ people }: Scene, query: Partial<PeopleQuery>) =>
    (await people.list({ ...everybody, ...query })).people.map(({ id }) => id);

  test(
    'are searched by login and name in any case, filtered and sorted',
    scene(async (scene) => {
      await scene.addPerson('ana', { displayName: 'Ána GARCÍA' });
      scene.clock.at += day;
      await scene.addPerson('bo_b', { displayName: null, domain: 'other.example', provider: 'keycloak' });
      await scene.addPerson('cy', { displayName: 'Aaron' });
      assert.deepEqual(await found(scene, {}), ['ana', 'bo_b', 'cy']);
      assert.deepEqual(await found(scene, { search: ' ána garcía ' }), ['ana']);
      assert.deepEqual(await found(scene, { search: 'BO_B@' }), ['bo_b']);
      assert.deepEqual(await found(scene, { search: 'n_' }), [], 'an underscore is no wildcard');
      assert.deepEqual(await found(scene, { search: '%' }), []);
      assert.deepEqual(await found(scene, { search: '\\' }), []);
      assert.deepEqual(await found(scene, { provider: 'keycloak' }), ['bo_b']);
      assert.deepEqual(await found(scene, { domain: 'example.com', sort: 'name', descending: true }), ['ana', 'cy']);
      assert.deepEqual(await found(scene, { sort: 'signed-in', descending: true }), ['cy', 'bo_b', 'ana']);
      await scene.people.disable('cy', '', root);
      assert.deepEqual(await found(scene, { state: 'disabled' }), ['cy']);
      assert.deepEqual(await scene.people.providers(), ['google', 'keycloak']);
    }),
  );

  test(
    'are those of a group as `/auth` has it: of the provider, or of the policy file by e-mail and through another',
    scene(async (scene) => {
      const { addPerson, clock, administrators, store } = scene;
      await addPerson('ana');
      await addPerson('bo', { groups: ['google:leads@example.com', 'say "hi"'] });
      await addPerson('cy', { groups: ['google:leads@example.com.evil', 'GOOGLE:LEADS@example.com', 'x\\'] });
      for (const email of ['uma@xn--bcher-kva.example', 'xi@bücher.example', 'yo@bücher.example']) {
        await addPerson(email.slice(0, 2), { login: email, email });
      }
      const groups = [
        'abroad',
        'platform',
        'leads',
        'google:leads@example.com',
        'say "hi"',
        'hi',
        'x\\',
        '%',
        '"',
        'none',
        'e',
      ];
      const expectSame = async () => {
        const accounts = await store.accounts.after('', 100);
        for (const group of groups) {
          const members = accounts.filter((account) =>
            administrators.groupsOf(account).some(({ name }) => name === group),
          );
          assert.deepEqual(
            await found(scene, { group }),
            members.map(({ id }) => id),
            group,
          );
        }
      };
      await expectSame();
      assert.deepEqual(await found(scene, { group: 'platform' }), ['ana', 'bo']);
      assert.deepEqual(await found(scene, { group: 'abroad' }), ['um', 'xi'], 'a domain in either form');
      assert.deepEqual(await found(scene, { group: 'leads', search: 'bo' }), ['bo']);
      assert.deepEqual(await found(scene, { group: 'platform', domain: 'other.example' }), []);
      clock.at += 31 * day;
      await expectSame();
      assert.deepEqual(await found(scene, { group: 'leads' }), [], 'what was told too long ago is not known any more');
    }),
  );

  test(
    'are paged, with their active passwords counted; a page beyond the end is the last one',
    scene(async (scene) => {
      for (let index = 0; index < 51; index++) await scene.addPerson(`p${String(index).padStart(2, '0')}`);
      const last = { id: 'p50', login: 'p50@example.com', kind: 'person' } as const;
      await scene.passwords.issue(last, input, root);
      await scene.passwords.issue(last, { ...input, name: 'old', days: 1 }, root);
      scene.clock.at += 2 * day;
      const { people, ...page } = await scene.people.list({ ...everybody, page: 99 });
      assert.deepEqual(page, { total: 51, page: 2, pages: 2 });
      assert.deepEqual(
        people.map(({ id, activePasswords }) => [id, activePasswords]),
        [['p50', 1]],
      );
    }),
  );

  test(
    'robots are not among them',
    scene(async (scene) => {
      const robot = { name: 'ci', description: '', ownerGroup: 'platform', groups: [], labels: {} };
      await scene.robots.create(robot, { administrator: true, accountId: null }, root);
      assert.deepEqual(await found(scene, {}), []);
    }),
  );

  test(
    'a person is shown with groups and where they come from, passwords and what used them, sessions',
    scene(async ({ addPerson, passwords, uses, people, store, login, clock }) => {
      const ana = await addPerson('ana', { groups: ['google:leads@example.com'] });
      const { secret, password } = await passwords.issue(ana, input, root);
      const identity = await login('ana@example.com', secret);
      assert.ok(identity !== null && typeof identity === 'object');
      uses.record(identity, client, [{ type: 'repository', name: 'team/app', actions: ['pull'] }]);
      const user = { accountId: 'ana', signedInAt: clock.at, address: '192.0.2.1', client: 'Firefox' };
      const session = { accountId: 'ana', data: JSON.stringify({ passport: { user } }), expiresAt: clock.at + day };
      await store.sessions.write('s1', session);
      await store.sessions.write('s0', { ...session, expiresAt: clock.at });

      const detail = await people.detail('ana');
      assert.deepEqual(detail.groups, [
        { name: 'google:leads@example.com', origin: 'from the provider' },
        { name: 'leads', origin: 'via google:leads@example.com' },
        { name: 'platform', origin: 'through leads' },
      ]);
      assert.equal(detail.isAdministrator, true);
      assert.deepEqual(
        detail.passwords.map(({ id, uses: used }) => [id, used.map(({ kind, value }) => [kind, value])]),
        [
          [
            password.id,
            [
              ['address', '192.0.2.9'],
              ['client', 'docker/28.2.2'],
              ['repository', 'team/app'],
            ].toSorted(([, a = ''], [, b = '']) => (a < b ? -1 : 1)),
          ],
        ],
      );
      assert.deepEqual(detail.sessions, [
        { id: 's1', signedInAt: clock.at, expiresAt: clock.at + day, address: '192.0.2.1', client: 'Firefox' },
      ]);
      await assert.rejects(people.detail('nobody'), refusal('not_found', /no account nobody/));
    }),
  );

  test(
    'disabling stops passwords and sessions at once and says why; enabling brings the passwords back',
    scene(async ({ addPerson, passwords, people, store, login, events, clock }) => {
      const ana = await addPerson('ana');
      const { secret } = await passwords.issue(ana, input, root);
      await store.sessions.write('s1', { accountId: 'ana', data: '{}', expiresAt: clock.at + day });
      await people.disable('ana', ' has left ', root);
      assert.match(
        String(await login('ana@example.com', secret)),
        /disabled since .*: has left; ask the administrator/,
      );
      assert.equal(await store.sessions.read('s1', clock.at), undefined);
      await people.disable('ana', 'again', root);
      await people.enable('ana', root);
      assert.equal(typeof (await login('ana@example.com', secret)), 'object');
      assert.deepEqual(events.map(({ action, actor, subject }) => [action, actor, subject]).slice(1), [
        ['person.disable', 'root@example.com', 'ana@example.com'],
        ['person.enable', 'root@example.com', 'ana@example.com'],
      ]);
    }),
  );

  test(
    'whom the provider shut out can be disabled for good, and nobody disables themselves',
    scene(async ({ addPerson, people, store }) => {
      await addPerson('ana');
      await addPerson('root');
      await store.accounts.setState(
        'ana',
        { state: 'disabled', reason: 'suspended', by: 'provider', at: 1 },
        unaudited,
      );
      await people.disable('ana', 'has left', root);
      assert.equal((await store.accounts.byId('ana'))?.state_by, 'root@example.com');
      await assert.rejects(people.disable('root', '', root), refusal('conflict', /can’t disable yourself/));
    }),
  );

  test(
    'are removed with all that is theirs',
    scene(async (scene) => {
      const ana = await scene.addPerson('ana');
      const { secret } = await scene.passwords.issue(ana, input, root);
      const leads = await scene.addPerson('lea', { groups: ['google:leads@example.com'] });
      const { secret: apiSecret } = await scene.apiTokens.issue(
        { name: 'job', days: 1, scopes: ['people:read'] },
        leads.id,
        { actor: leads.login, client },
      );
      const { id: revocation } = await scene.revocations.revoke({ accountId: 'ana' }, null, '', root);
      const successor = { id: 'ana2', subject: 'ana2' };
      await assert.rejects(scene.addPerson('ana', successor), ConstraintError);
      await scene.store.sessions.write('s', { accountId: 'ana', data: '{}', expiresAt: scene.clock.at + day });
      await scene.store.refreshTokens.write('ana', 'sealed', 'client', scene.clock.at);
      await scene.people.remove('ana', root);
      await scene.people.remove('lea', root);

      assert.equal(await scene.login(ana.login, secret), null);
      assert.equal(await scene.store.sessions.read('s', scene.clock.at), undefined);
      assert.equal(await scene.store.refreshTokens.ofAccount('ana'), undefined);
      await assert.rejects(scene.apiTokens.verify(apiSecret, client), refusal('unauthenticated', /"job" is revoked/));
      assert.equal(await scene.revocations.undo(revocation, root), 0, 'an undo brings nothing back');
      assert.deepEqual(await found(scene, {}), []);
      await assert.rejects(scene.people.remove('ana', root), refusal('not_found', /no account ana/));

      assert.equal((await scene.addPerson('ana', successor)).id, 'ana2');
      assert.equal(await scene.login(ana.login, secret), null);
      const { entries } = await scene.auditLog.page({ person: ana.login, action: 'person.remove' }, null, root);
      assert.deepEqual(
        entries.map(({ actor, detail }) => [actor, detail['id'], detail['passwords']]),
        [['root@example.com', 'ana', 1]],
      );
    }),
  );

  test(
    'nobody removes themselves, nor a robot by the way of people',
    scene(async (scene) => {
      const own = await scene.addPerson('root');
      await assert.rejects(scene.people.remove(own.id, root), refusal('conflict', /can’t remove yourself/));
      const fields = { description: '', ownerGroup: 'platform', groups: [], labels: {} };
      const robot = await scene.robots.create(
        { name: 'ci', ...fields },
        { administrator: true, accountId: null },
        root,
      );
      for (const change of [scene.people.remove(robot.id, root), scene.people.disable(robot.id, '', root)]) {
        await assert.rejects(change, refusal('not_found', /robot-ci is a robot/));
      }
    }),
  );

  test(
    'what was used of a removed person holds up nothing that is written with it',
    scene(async (scene) => {
      const [ana, bo] = [await scene.addPerson('ana'), await scene.addPerson('bo')];
      const identities = [];
      for (const owner of [ana, bo]) {
        const { secret } = await scene.passwords.issue(owner, input, root);
        identities.push(await scene.login(owner.login, secret));
      }
      for (const identity of identities)
        if (typeof identity === 'object' && identity) scene.uses.record(identity, client, []);
      await scene.people.remove('ana', root);
      await scene.uses.flush();
      assert.equal((await scene.uses.ofAccount('bo')).size, 1);
    }),
  );
});

describeEngines('an administrator', (databases) => {
  test('is named by e-mail in any case or by a group, is active, and is no robot', () =>
    withScene(databases, async ({ addPerson, administrators, store, clock }) => {
      assert.equal(administrators.includes(await addPerson('root')), true);
      assert.equal(administrators.includes(await addPerson('ana')), false);
      const ascii = { login: 'root@xn--bcher-kva.example', email: 'root@xn--bcher-kva.example' };
      assert.equal(administrators.includes(await addPerson('abroad', ascii)), true, 'a domain in either form');
      const leads = ['google:leads@example.com'];
      assert.equal(administrators.includes(await addPerson('bo', { groups: leads })), true);
      clock.at += 31 * day;
      const bo = await store.accounts.byId('bo');
      assert.ok(bo);
      assert.equal(administrators.includes(bo), false, 'groups that were told too long ago do not count');
      await store.accounts.setState('root', { state: 'disabled', reason: null, by: 'x', at: 1 }, unaudited);
      const disabled = await store.accounts.byId('root');
      assert.ok(disabled);
      assert.equal(administrators.includes(disabled), false);
      assert.equal(administrators.includes({ ...disabled, state: 'active', kind: 'robot' }), false);
    }));
});
