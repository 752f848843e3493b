/** What is kept of how a password is used: bounded, and a new address stands in the audit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tidy } from '../../src/app/housekeeping.ts';
import type { Identity } from '../../src/identity/identity.ts';
import { client, day, hour, input, root, type Scene, withScene } from '../support/administration-scene.ts';
import { describeEngines } from '../support/engines.ts';

describeEngines('uses of a password', (databases) => {
  const scene = (action: (scene: Scene, identity: Identity, id: string) => Promise<void>) => () =>
    withScene(databases, async (scene) => {
      const ana = await scene.addPerson('ana');
      const { secret, password } = await scene.passwords.issue(ana, input, root);
      const identity = await scene.login(ana.login, secret);
      assert.ok(identity !== null && typeof identity === 'object');
      await action(scene, identity, password.id);
    });
  const found = async ({ uses }: Scene, id: string) =>
    ((await uses.ofAccount('ana')).get(id) ?? []).map(({ kind, value }) => `${kind} ${value}`);
  const actions = ({ events }: Scene) =>
    events.map(({ action }) => action).filter((action) => /use|address/.test(action));

  test(
    'the first use and each new address stand in the audit, once',
    scene(async (scene, identity, id) => {
      const { uses, clock } = scene;
      for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.1']) {
        uses.record(identity, { ...client, address }, []);
        await uses.flush();
        clock.at += 2 * hour;
      }
      assert.deepEqual(actions(scene), ['password.first-use', 'password.new-address']);
      assert.deepEqual(scene.events.at(-1)?.client?.address, '192.0.2.2');
      assert.deepEqual(await found(scene, id), ['address 192.0.2.1', 'client docker/28.2.2', 'address 192.0.2.2']);
    }),
  );

  test(
    'of hundreds of repositories the latest stay',
    scene(async (scene, identity, id) => {
      const { uses, clock } = scene;
      const names = Array.from({ length: 200 }, (_, index) => `a/${index}`);
      for (const name of names) {
        clock.at += 1;
        uses.record(identity, client, [{ type: 'repository', name, actions: ['pull'] }]);
      }
      uses.record(identity, client, [{ type: 'registry', name: 'catalog', actions: ['*'] }]);
      const repositories = (await found(scene, id)).filter((use) => use.startsWith('repository'));
      assert.equal(repositories.length, 30);
      assert.equal(repositories[0], 'repository a/199');
    }),
  );

  test(
    'are kept for 30 days, and an address that comes back later is new again',
    scene(async (scene, identity, id) => {
      const { uses, clock, store } = scene;
      uses.record(identity, client, []);
      await uses.flush();
      clock.at += 30 * day + 1;
      const silent = { debug() {}, info() {}, warn() {}, error() {} };
      await tidy({
        store,
        auditRetention: day,
        denialRetention: day,
        activity: { retention: day },
        log: silent,
        now: () => clock.at,
      });
      assert.deepEqual(await found(scene, id), []);
      uses.record(identity, client, []);
      await uses.flush();
      assert.deepEqual(actions(scene), ['password.first-use', 'password.new-address']);
    }),
  );

  test(
    'a database that fails once at each of its statements loses no use, and no event of one',
    scene(async (scene, identity, id) => {
      const { createUses } = await import('../../src/audit/uses.ts');
      const { databaseUnavailable } = await import('../../src/store/sql.ts');
      const failed = new Set<string | symbol>();
      const store = new Proxy(scene.store.passwordUses, {
        get(target, name, receiver) {
          if (failed.has(name)) return Reflect.get(target, name, receiver);
          return async () => {
            failed.add(name);
            throw databaseUnavailable('away');
          };
        },
      });
      const errors: unknown[] = [];
      const recorded: string[] = [];
      const audit = { record: ({ action }: { action: string }) => recorded.push(action) };
      const onError = (error: unknown) => errors.push(error);
      const uses = createUses({ store, audit, onError, now: () => scene.clock.at });
      uses.record(identity, client, []);
      do {
        errors.length = 0;
        await uses.flush();
      } while (errors.length > 0);
      assert.deepEqual(recorded, ['password.first-use']);
      assert.deepEqual(await found(scene, id), ['address 192.0.2.9', 'client docker/28.2.2']);
    }),
  );
});
