/** Which passwords a selection means, that they stop at the next request, and that a day is long enough to change one's mind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRevocations } from '../../src/accounts/revocations.ts';
import type { Selection } from '../../src/accounts/selection.ts';
import type { AuditEvent } from '../../src/audit/audit.ts';
import type { RevocationStore } from '../../src/store/revocations.ts';
import { client, day, hour, input, refusal, root, type Scene, withScene } from '../support/administration-scene.ts';
import { collectingAudit, unaudited } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';
import { newPassword } from '../support/rows.ts';

/** ana and bo have two passwords each, cy of another domain and provider has one. */
async function withCompany(scene: Scene) {
  const { addPerson, passwords } = scene;
  const ana = await addPerson('ana');
  const bo = await addPerson('bo', { groups: ['google:leads@example.com'] });
  const cy = await addPerson('cy', { domain: 'other.example', provider: 'keycloak' });
  const issue = async (owner: typeof ana, name: string) =>
    (await passwords.issue(owner, { ...input, name }, root)).secret;
  const old = { ana: await issue(ana, 'old'), bo: await issue(bo, 'old') };
  scene.clock.at += 2 * day;
  const secrets = { ana: await issue(ana, 'new'), bo: await issue(bo, 'new'), cy: await issue(cy, 'new') };
  return { ana, bo, cy, old, secrets };
}

describeEngines('revocations', (databases) => {
  const scene = (action: (scene: Scene) => Promise<void>) => () => withScene(databases, action);

  test(
    'a selection is everything that is given together: owner, domain, provider, group, date, idleness',
    scene(async (scene) => {
      const { ana, old } = await withCompany(scene);
      const used = await scene.login('ana@example.com', old.ana);
      assert.ok(used !== null && typeof used === 'object');
      scene.passwords.recordUse(used, client);
      await scene.passwords.flush();
      const { at } = scene.clock;
      const counted = async (selection: Selection) => {
        const { people, passwords } = await scene.revocations.preview(selection);
        return [people, passwords];
      };
      assert.deepEqual(await counted({ accountId: ana.id }), [1, 2]);
      assert.deepEqual(await counted({ domain: 'example.com' }), [2, 4]);
      assert.deepEqual(await counted({ domain: 'Example.COM' }), [2, 4]);
      assert.deepEqual(await counted({ provider: 'keycloak' }), [1, 1]);
      assert.deepEqual(await counted({ group: 'google:leads@example.com' }), [1, 2]);
      assert.deepEqual(
        await counted({ group: 'platform' }),
        [2, 4],
        'a group of the policy file, by e-mail and through another',
      );
      assert.deepEqual(await counted({ createdBefore: at - day }), [2, 2]);
      assert.deepEqual(await counted({ unusedSince: at - day }), [1, 1], 'one was used, the new ones are younger');
      assert.deepEqual(await counted({ domain: 'example.com', createdBefore: at - day, group: 'leads' }), [1, 1]);
      assert.deepEqual(await counted({ domain: 'nowhere.example' }), [0, 0]);
      await assert.rejects(scene.revocations.preview({}), refusal('bad_request', /Choose which passwords/));
    }),
  );

  test(
    'a selection by group reaches people whose groups were reported too long ago to count',
    scene(async (scene) => {
      await withCompany(scene);
      scene.clock.at += 20 * day;
      const { people } = await scene.revocations.preview({ group: 'google:leads@example.com' });
      assert.equal(people, 1);
    }),
  );

  test(
    'a preview shows what used the passwords, together',
    scene(async (scene) => {
      const { secrets } = await withCompany(scene);
      for (const [login, secret, address] of [
        ['ana@example.com', secrets.ana, '192.0.2.1'],
        ['bo@example.com', secrets.bo, '192.0.2.1'],
        ['bo@example.com', secrets.bo, '192.0.2.2'],
      ] as const) {
        const identity = await scene.login(login, secret);
        assert.ok(identity !== null && typeof identity === 'object');
        scene.clock.at += hour;
        const access = [{ type: 'repository', name: 'team/app', actions: ['pull'] }];
        scene.uses.record(identity, { ...client, address }, access);
      }
      const { uses, sample } = await scene.revocations.preview({ domain: 'example.com' });
      assert.deepEqual(
        uses.map(({ kind, value }) => `${kind} ${value}`),
        ['address 192.0.2.2', 'address 192.0.2.1', 'client docker/28.2.2', 'repository team/app'],
      );
      assert.deepEqual(
        uses.map(({ lastAt, firstAt }) => (lastAt - firstAt) / hour),
        [0, 1, 2, 2],
      );
      assert.deepEqual(
        sample.map(({ login }) => login.slice(0, 2)),
        ['an', 'an', 'bo', 'bo'],
      );
    }),
  );

  test(
    'what is revoked is refused at the next request; undone, it works again; each stands in the audit',
    scene(async (scene) => {
      const { secrets } = await withCompany(scene);
      const { id } = await scene.revocations.revoke({ domain: 'example.com' }, 4, ' laptop stolen ', root);
      assert.match(String(await scene.login('ana@example.com', secrets.ana)), /was revoked on 2026-11-25/);
      assert.equal(typeof (await scene.login('cy@example.com', secrets.cy)), 'object');
      const [shown] = await scene.passwords.ofAccount({ id: 'ana' });
      assert.deepEqual([shown?.revokedBy, shown?.revocationReason], ['root@example.com', 'laptop stolen']);

      assert.equal(await scene.revocations.undo(id, root), 4);
      assert.equal(typeof (await scene.login('ana@example.com', secrets.ana)), 'object');
      await assert.rejects(scene.revocations.undo(id, root), refusal('conflict', /already undone/));
      const [listed] = await scene.revocations.recent();
      assert.deepEqual([listed?.passwords, listed?.undone?.by], [4, 'root@example.com']);
      assert.deepEqual(
        scene.events
          .filter(({ action }) => action.startsWith('revocation'))
          .map(({ action, subject }) => [action, subject]),
        [
          ['revocation', ''],
          ['revocation.undo', ''],
        ],
      );
    }),
  );

  test(
    'the audit says whose passwords were revoked and restored',
    scene(async (scene) => {
      await withCompany(scene);
      const { id } = await scene.revocations.revoke({ accountId: 'ana' }, null, '', root);
      await scene.revocations.undo(id, root);
      const subjects = scene.events
        .filter(({ action }) => action.startsWith('revocation'))
        .map(({ subject }) => subject);
      assert.deepEqual(subjects, ['ana@example.com', 'ana@example.com']);
    }),
  );

  test(
    'after 24 hours a revocation stands, and nothing that its owner or a report ended comes back',
    scene(async (scene) => {
      const { ana, bo, secrets, old } = await withCompany(scene);
      const mine = await scene.passwords.ofAccount(ana);
      await scene.passwords.revoke(mine[0]?.id ?? '', ana.id, { actor: ana.login, client });
      const first = await scene.revocations.revoke({ domain: 'example.com' }, null, '', root);
      assert.equal(first.passwords, 3);
      await scene.leaks.report(secrets.bo, client);
      scene.clock.at += day;
      assert.equal(await scene.revocations.undo(first.id, root), 2);
      assert.match(String(await scene.login('bo@example.com', secrets.bo)), /revoked/);
      assert.equal(typeof (await scene.login('bo@example.com', old.bo)), 'object');
      assert.match(String(await scene.login('ana@example.com', secrets.ana)), /revoked/);

      const second = await scene.revocations.revoke({ accountId: bo.id }, 1, '', root);
      scene.clock.at += day + 1;
      await assert.rejects(scene.revocations.undo(second.id, root), refusal('conflict', /24-hour limit/));
      assert.match(String(await scene.login('bo@example.com', old.bo)), /revoked/);
      await assert.rejects(scene.revocations.undo('x', root), refusal('not_found', /no revocation x/));
    }),
  );

  test(
    'what its owner, off-boarding or another revocation has ended since, an undo leaves ended, and the audit has each',
    scene(async (scene) => {
      const { ana, bo, secrets, old } = await withCompany(scene);
      const { revocations, passwords, store } = scene;
      const all = await revocations.revoke({ domain: 'example.com' }, 4, '', root);
      const laptop = (await passwords.ofAccount(ana)).find(({ name }) => name === 'new');
      await passwords.revoke(laptop?.id ?? '', ana.id, { actor: ana.login, client });
      const stolen = (await passwords.ofAccount(ana)).find(({ name }) => name === 'new');
      assert.equal(stolen?.revokedBy, 'ana@example.com');
      assert.ok(scene.events.some(({ action, actor }) => action === 'password.revoke' && actor === ana.login));
      await store.people.disable(
        bo.id,
        { reason: '', by: root.actor, at: scene.clock.at, forSecurity: false },
        unaudited,
      );
      const gone = { reason: 'deleted', at: scene.clock.at, forSecurity: false };
      assert.equal(await store.people.shutOut(bo.id, gone, unaudited), true, 'whoever disabled the account before');
      assert.equal(await store.people.shutOut(bo.id, gone, unaudited), false);
      const again = { state: 'active', reason: null, by: root.actor, at: scene.clock.at } as const;
      await store.accounts.setState(bo.id, again, unaudited);
      assert.equal(await revocations.undo(all.id, root), 1);
      assert.equal(typeof (await scene.login('ana@example.com', old.ana)), 'object');
      for (const [who, secret] of [
        ['ana', secrets.ana],
        ['bo', secrets.bo],
        ['bo', old.bo],
      ] as const)
        assert.match(String(await scene.login(`${who}@example.com`, secret)), /revoked/);
    }),
  );

  test(
    'of two revocations that mean the same password, undoing one does not bring back what the other ended',
    scene(async (scene) => {
      const { ana, secrets, old } = await withCompany(scene);
      const first = await scene.revocations.revoke({ accountId: ana.id }, 2, '', root);
      const second = await scene.revocations.revoke({ domain: 'example.com' }, null, '', root);
      assert.equal(await scene.revocations.undo(first.id, root), 0);
      for (const secret of [secrets.ana, old.ana])
        assert.match(String(await scene.login('ana@example.com', secret)), /revoked/);
      assert.equal(await scene.revocations.undo(second.id, root), 4, 'until both are undone');
    }),
  );

  test(
    'a revocation of what another has ended already keeps it ended when that is undone',
    scene(async (scene) => {
      const { ana, secrets } = await withCompany(scene);
      const { revocations } = scene;
      const first = await revocations.revoke({ accountId: ana.id }, 2, '', root);
      const { passwords, alreadyRevoked } = await revocations.preview({ accountId: ana.id });
      assert.deepEqual([passwords, alreadyRevoked], [0, 2]);
      const second = await revocations.revoke({ accountId: ana.id }, 0, 'a breach', root);
      assert.equal(second.passwords, 0);
      assert.equal(await revocations.undo(first.id, root), 0);
      assert.match(String(await scene.login('ana@example.com', secrets.ana)), /revoked/);
      assert.equal(await revocations.undo(second.id, root), 2);
      assert.equal(typeof (await scene.login('ana@example.com', secrets.ana)), 'object');

      await revocations.revoke({ accountId: ana.id }, 2, '', root);
      scene.clock.at += day + 1;
      assert.equal((await revocations.preview({ accountId: ana.id })).alreadyRevoked, 0, 'of one that is final');
      await assert.rejects(revocations.revoke({ accountId: ana.id }, 0, '', root), refusal('not_found', /nothing to/));
    }),
  );

  test(
    'a number that has changed since the preview is refused, and so is nothing',
    scene(async (scene) => {
      const { secrets } = await withCompany(scene);
      const { revocations } = scene;
      await assert.rejects(
        revocations.revoke({ accountId: 'ana' }, 1, '', root),
        refusal('conflict', /showed 1 .* are 2/),
      );
      await assert.rejects(
        revocations.revoke({ accountId: 'x' }, null, '', root),
        refusal('not_found', /nothing to revoke/),
      );
      assert.equal(typeof (await scene.login('ana@example.com', secrets.ana)), 'object');
    }),
  );

  /** Lets the action happen when the revocation has chosen what to end, and before it ends anything. */
  const afterChoice = ({ revocations }: Scene['store'], action: () => Promise<unknown>): void => {
    const { begin } = revocations;
    Object.assign(revocations, {
      async begin(...told: Parameters<typeof begin>) {
        await begin(...told);
        await action();
      },
    });
  };

  test(
    'a password that is rotated while everything is revoked ends with its successor, and an undo gives both back',
    scene(async (scene) => {
      const { passwords, revocations, login } = scene;
      const { ana, secrets } = await withCompany(scene);
      const found = (await passwords.ofAccount(ana)).find(({ name }) => name === 'new');
      const rotated: string[] = [];
      const rotate = async (id = '', overlapHours = 1) => {
        const { secret, password } = await passwords.rotate(id, ana.id, { days: 7, overlapHours }, root);
        rotated.push(secret);
        return password.id;
      };
      afterChoice(scene.store, async () => rotate(await rotate(found?.id, 0)));
      const { id, passwords: ended } = await revocations.revoke({ accountId: ana.id }, 2, 'laptop stolen', root);
      assert.equal(rotated.length, 2);
      for (const secret of [secrets.ana, ...rotated])
        assert.match(String(await login(ana.login, secret)), /expired|revoked/);
      assert.equal((await revocations.preview({ accountId: ana.id })).passwords, 0);
      assert.equal(ended, 3, 'the one that wasn’t rotated, the second, and the third');
      assert.equal((await revocations.byId(id)).passwords, 3);
      await assert.rejects(rotate(found?.id), refusal('conflict', /expired|revoked/));
      assert.equal(await revocations.undo(id, root), 3);
      for (const secret of rotated) assert.equal(typeof (await login(ana.login, secret)), 'object');
    }),
  );

  test(
    'a successor is as new as it is: revoking one password, or the old ones, leaves it',
    scene(async (scene) => {
      const { passwords, revocations, login, clock } = scene;
      const { ana } = await withCompany(scene);
      const before = (await passwords.ofAccount(ana)).find(({ name }) => name === 'old');
      const successors: string[] = [];
      afterChoice(scene.store, async () => {
        if (successors.length > 0) return;
        const { secret } = await passwords.rotate(before?.id ?? '', ana.id, { days: 7, overlapHours: 1 }, root);
        successors.push(secret);
      });
      await revocations.revoke({ accountId: ana.id, createdBefore: clock.at - day }, 1, '', root);
      assert.equal(typeof (await login(ana.login, successors[0] ?? '')), 'object');
    }),
  );

  /** More than are ended at once: 1,100 of 22 people. */
  async function withCrowd({ addPerson, store, clock }: Scene): Promise<void> {
    for (let person = 0; person < 22; person++) {
      const { id } = await addPerson(`p${person}`);
      const insert = (index: number) => {
        const name = `${person}-${index}`;
        const times = { created_at: clock.at, expires_at: clock.at + day };
        return store.passwords.insert(newPassword(id, { id: name, hash: name, name, ...times }), 50, unaudited);
      };
      await Promise.all(Array.from({ length: 50 }, (_, index) => insert(index)));
    }
  }

  test(
    'many are revoked and restored piece by piece; what breaks off can be undone, and an undo that breaks off goes on',
    scene(async (scene) => {
      await withCrowd(scene);
      const { store, uses, administrators, revocations, clock, gracePeriods } = scene;
      const events: AuditEvent[] = [];
      const audit = collectingAudit(events);
      const breaking = (changes: Partial<RevocationStore>) =>
        createRevocations({
          activityOf: async () => null,
          ...{ uses, administrators, audit, gracePeriods, now: () => clock.at },
          store: { ...store, revocations: { ...store.revocations, ...changes } },
        });
      let calls = 0;
      const end: RevocationStore['end'] = (...told) =>
        ++calls === 2 ? Promise.reject(new Error('away')) : store.revocations.end(...told);
      await assert.rejects(breaking({ end }).revoke({ provider: 'google' }, 1_100, '', root), /away/);
      assert.equal(events[0]?.detail?.['passwords'], 1_100, 'what was selected, before any of them ended');
      assert.equal((await revocations.preview({ provider: 'google' })).passwords, 100);

      const [{ id = '' } = {}] = await revocations.recent();
      const restore: RevocationStore['restore'] = async (of, ids) => {
        await store.revocations.restore(of, ids.slice(0, 400));
        throw new Error('away');
      };
      await assert.rejects(breaking({ restore }).undo(id, root), /away/);
      assert.equal(await revocations.undo(id, root), 600);
      await assert.rejects(revocations.undo(id, root), refusal('conflict', /already undone/));
      assert.equal((await revocations.preview({ provider: 'google' })).passwords, 1_100);
    }),
  );

  test(
    'an undo looks at each password once and in pieces, also where another revocation keeps some',
    scene(async (scene) => {
      await withCrowd(scene);
      const { store, revocations } = scene;
      const { id } = await revocations.revoke({ provider: 'google' }, 1_100, '', root);
      const [kept] = (await revocations.passwordsOf(id)).map(({ accountId }) => accountId);
      await revocations.revoke({ accountId: kept ?? '' }, null, '', root);
      const { restore } = store.revocations;
      const pieces: (readonly string[])[] = [];
      Object.assign(store.revocations, {
        restore(...told: Parameters<typeof restore>) {
          pieces.push(told[1]);
          return restore(...told);
        },
      });
      assert.equal(await revocations.undo(id, root), 1_050);
      assert.deepEqual(
        pieces.map(({ length }) => length),
        [1_000, 100],
      );
      assert.equal(new Set(pieces.flat()).size, 1_100);
    }),
  );

  /** Undoes the first revocation of everything and makes a second one, at the moment that the test is about. */
  const twice = (
    action: (both: {
      readonly undo: () => Promise<unknown>;
      readonly revoke: () => Promise<unknown>;
      readonly scene: Scene;
    }) => Promise<void>,
  ) =>
    scene(async (scene) => {
      await withCrowd(scene);
      const { revocations } = scene;
      const everything = { provider: 'google' };
      const { id } = await revocations.revoke(everything, 1_100, '', root);
      const revoke = () => revocations.revoke(everything, null, 'a breach', root);
      await action({ undo: () => revocations.undo(id, root), revoke, scene });
      assert.equal((await revocations.preview(everything)).passwords, 0);
      const second = (await revocations.recent()).find(({ reason }) => reason === 'a breach');
      assert.equal(await revocations.undo(second?.id ?? '', root), 1_100, 'of both that are undone nothing is left');
    });
  const afterFirst = (of: Scene['store']['revocations'], method: 'restore' | 'end', action: () => Promise<unknown>) => {
    const { [method]: real } = of;
    let isFirst = true;
    Object.assign(of, {
      async [method](...told: readonly unknown[]) {
        const result = await Reflect.apply(real, of, told);
        if (isFirst) {
          isFirst = false;
          await action();
        }
        return result;
      },
    });
  };

  test(
    'a revocation of what is being restored ends what works again already, and keeps the rest',
    twice(async ({ undo, revoke, scene }) => {
      afterFirst(scene.store.revocations, 'restore', revoke);
      await undo();
    }),
  );

  test(
    'a revocation also ends what an undo restores between its choice and its first piece',
    twice(async ({ undo, revoke, scene }) => {
      afterChoice(scene.store, undo);
      await revoke();
    }),
  );

  test(
    'a revocation also ends what an undo restores between two of its pieces',
    twice(async ({ undo, revoke, scene }) => {
      afterFirst(scene.store.revocations, 'end', undo);
      await revoke();
    }),
  );

  test(
    'of an undo and a revocation at the same moment, the revocation counts',
    twice(async ({ undo, revoke }) => {
      await Promise.all([undo(), revoke()]);
    }),
  );

  test(
    'two at once share what there is; one that is undone while it runs ends nothing more',
    scene(async (scene) => {
      await withCrowd(scene);
      const { store, revocations } = scene;
      const { begin } = store.revocations;
      const bothHaveLooked = Promise.withResolvers<void>();
      let looked = 0;
      Object.assign(store.revocations, {
        async begin(...told: Parameters<typeof begin>) {
          looked += 1;
          if (looked === 2) bothHaveLooked.resolve();
          await bothHaveLooked.promise;
          await begin(...told);
        },
      });
      const revoke = () => revocations.revoke({ provider: 'google' }, null, '', root);
      const both = await Promise.allSettled([revoke(), revoke()]);
      const ended = both.map((each) => (each.status === 'fulfilled' ? each.value : assert.fail(String(each.reason))));
      assert.equal(
        ended.reduce((sum, { passwords }) => sum + passwords, 0),
        1_100,
      );
      const recorded = await Promise.all(ended.map(({ id }) => revocations.byId(id)));
      assert.deepEqual(
        recorded.map(({ passwords }) => passwords),
        ended.map(({ passwords }) => passwords),
      );
      for (const { id } of ended) await revocations.undo(id, root);
      const [{ id = '' } = {}] = ended;
      const row = await store.revocations.byId(id);
      assert.equal(row && (await store.revocations.end(row, ['p0'], {})), 0);
      assert.equal((await revocations.preview({ provider: 'google' })).passwords, 1_100);
    }),
  );
});
