/** Every action of an administrator is in the audit once it's answered, and an action whose row can't be stored changes nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { day, input, root, type Scene, withScene } from '../support/administration-scene.ts';
import { unaudited } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';

const administrator = { administrator: true, accountId: null } as const;
const robot = { name: 'ci', description: '', ownerGroup: 'platform', groups: [], labels: {} };
const tokenInput = { name: 'siem', days: 1, scopes: ['audit:read'] };
const { client } = root;
assert.ok(client !== null);

/** Whom and what the actions are tried on. */
type Target = {
  readonly robotId: string;
  readonly passwordId: string;
  readonly secret: string;
  readonly apiTokenId: string;
  readonly apiToken: string;
  readonly revocationId: string;
};

async function prepare({ addPerson, passwords, robots, apiTokens, revocations, store, clock }: Scene): Promise<Target> {
  const ana = await addPerson('ana');
  const bo = await addPerson('bo');
  await addPerson('cy');
  await store.accounts.setState('cy', { state: 'disabled', reason: null, by: 'x', at: 1 }, unaudited);
  await store.sessions.write('s1', { accountId: 'ana', data: '{}', expiresAt: clock.at + day });
  await passwords.issue(bo, input, root);
  const { id: revocationId } = await revocations.revoke({ accountId: 'bo' }, null, '', root);
  const issued = await passwords.issue(ana, input, root);
  const token = await apiTokens.issue(tokenInput, null, root);
  const { id: robotId } = await robots.create(robot, administrator, root);
  const [passwordId, apiTokenId] = [issued.password.id, token.token.id];
  return { robotId, passwordId, secret: issued.secret, apiTokenId, apiToken: token.secret, revocationId };
}

const actions: Readonly<Record<string, (scene: Scene, target: Target) => Promise<unknown>>> = {
  'person.disable': ({ people }) => people.disable('ana', 'has left', root),
  'person.enable': ({ people }) => people.enable('cy', root),
  'person.end-sessions': ({ people }) => people.endSessions('ana', root),
  'person.remove': ({ people }) => people.remove('ana', root),
  'robot.create': ({ robots }) => robots.create({ ...robot, name: 'other' }, administrator, root),
  'robot.change': ({ robots }, { robotId }) => robots.change(robotId, robot, administrator, root),
  'robot.change, its state': ({ robots }, { robotId }) => robots.setState(robotId, 'disabled', administrator, root),
  'api-token.create': ({ apiTokens }) => apiTokens.issue(tokenInput, null, root),
  'api-token.revoke': ({ apiTokens }, { apiTokenId }) => apiTokens.revoke(apiTokenId, root),
  'api-token.revoke, leaked': ({ leaks }, { apiToken }) => leaks.report(apiToken, client),
  'password.create': ({ passwords, store }) =>
    store.accounts
      .byId('bo')
      .then((bo) => passwords.issue(bo ?? assert.fail('no bo'), { ...input, name: 'new' }, root)),
  'password.rotate': ({ passwords }, { passwordId }) =>
    passwords.rotate(passwordId, null, { days: 1, overlapHours: 1 }, root),
  'password.revoke': ({ passwords }, { passwordId }) => passwords.revoke(passwordId, null, root),
  'password.leaked': ({ leaks }, { secret }) => leaks.report(secret, client),
  revocation: ({ revocations }) => revocations.revoke({ accountId: 'ana' }, null, 'stolen', root),
  'revocation.undo': ({ revocations }, { revocationId }) => revocations.undo(revocationId, root),
};

/** All that the actions change. */
async function contents({ store, clock }: Scene): Promise<unknown> {
  const people = await Promise.all(['ana', 'bo', 'cy'].map((id) => store.accounts.byId(id)));
  const [passwords, sessions, robots] = [
    store.passwords.all(),
    store.sessions.ofAccount('ana', 0),
    store.robots.all(0),
  ];
  const revocations = await store.revocations.latest(9, 0);
  return [people, await passwords, await sessions, await robots, await store.apiTokens.all(), revocations, clock.at];
}

/** From now on no row of the audit can be stored. */
function breakAudit(scene: Scene): void {
  for (const part of Object.values(scene.store)) {
    for (const [name, method] of Object.entries(part)) {
      if (typeof method !== 'function') continue;
      const broken = (...given: unknown[]) => {
        const row = given.at(-1);
        const unstorable = (change: unknown) => ({ ...(row as (of: unknown) => object)(change), action: null });
        return method(...given.slice(0, -1), typeof row === 'function' ? unstorable : row);
      };
      Object.assign(part, { [name]: broken });
    }
  }
}

describeEngines('an audited action', (databases) => {
  for (const [name, act] of Object.entries(actions)) {
    test(`${name}: the row is stored once the action is answered`, () =>
      withScene(databases, async (scene) => {
        const target = await prepare(scene);
        const known = new Set((await scene.store.audit.list({}, null, 99)).map(({ id }) => id));
        await act(scene, target);
        const added = (await scene.store.audit.list({}, null, 99)).filter(({ id }) => !known.has(id));
        assert.deepEqual(
          added.map(({ action }) => action),
          [name.split(',')[0]],
        );
      }));

    test(`${name}: without its row nothing changes`, () =>
      withScene(databases, async (scene) => {
        const target = await prepare(scene);
        const before = await contents(scene);
        breakAudit(scene);
        await assert.rejects(act(scene, target));
        assert.deepEqual(await contents(scene), before);
      }));
  }

  test('disabling again ends the sessions that a first try left behind, and is in the audit', () =>
    withScene(databases, async (scene) => {
      await prepare(scene);
      const { people, store, clock } = scene;
      clock.at += 1;
      await people.disable('ana', 'has left', root);
      await store.sessions.write('s2', { accountId: 'ana', data: '{}', expiresAt: clock.at + day });
      clock.at += 1;
      await people.disable('ana', 'again', root);
      assert.equal(await store.sessions.read('s2', clock.at), undefined);
      const [last] = await store.audit.list({}, null, 1);
      assert.equal(last?.action, 'person.end-sessions');
      assert.equal((await store.accounts.byId('ana'))?.state_reason, 'has left');
    }));
});
