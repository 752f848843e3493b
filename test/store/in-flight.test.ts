/** That PostgreSQL’s transactions don’t miss what another one is about to store: SQLite has one after another. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { migrateDatabase, openSql } from '../../src/store/open.ts';
import type { OpenDatabase } from '../../src/store/sql.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { unaudited } from '../support/audit.ts';
import { createInFlight } from '../support/in-flight.ts';
import { skipped } from '../support/parts.ts';
import { findPostgres, type PostgresServer, startPostgres } from '../support/postgres.ts';
import { newPassword, signedIn } from '../support/rows.ts';

const now = Date.UTC(2026, 10, 23, 9);
const day = 24 * 60 * 60 * 1000;
const times = { created_at: now, expires_at: now + day };

describe('at the same moment', { skip: findPostgres() === null && skipped('not installed: PostgreSQL') }, () => {
  let server: PostgresServer;
  let sql: OpenDatabase;
  let store: Store;
  before(async () => {
    server = await startPostgres();
    const url = await server.createDatabase();
    await migrateDatabase(url);
    // The server ends connections that are being closed, which fails nothing here.
    sql = await openSql(url, () => {});
    store = createStore(sql);
  });
  after(async () => {
    await sql.close();
    await server.stop();
  });

  /** With the store whose transactions wait for `other`; what that throws is thrown at the end. */
  async function whileStoring(change: (held: Store) => Promise<unknown>, other: () => Promise<unknown>): Promise<void> {
    const ended = Promise.withResolvers<unknown>();
    const begin = () => other().then(ended.resolve, ended.reject);
    await change(createStore({ ...sql, ...createInFlight(sql, begin) }));
    await ended.promise;
  }

  const use = (id: string) => ({ password_id: id, kind: 'address' as const, value: '192.0.2.1', at: now });

  test('a robot or a person that is removed takes the uses along that aren’t stored yet', async () => {
    const facts = {
      display_name: 'ci',
      description: '',
      owner_group: 'platform',
      groups_json: '[]',
      labels_json: '{}',
    };
    const made = { created_by: 'root', created_by_id: null, created_at: now };
    await store.robots.insert({ ...facts, ...made, id: 'ci', login: 'robot-ci' }, 9, unaudited);
    const { id: person } = await store.accounts.signIn(
      signedIn({ id: 'bo', subject: 'bo', login: 'bo@example.com', at: now }),
    );
    const removed: unknown[] = [];
    for (const owner of ['ci', person]) {
      await store.passwords.insert(newPassword(owner, { ...times, id: owner, hash: owner }), 9, unaudited);
      await whileStoring(
        (held) => held.passwordUses.write([use(owner)], 9),
        async () =>
          removed.push(
            owner === 'ci'
              ? await store.robots.remove(owner, 'root', now, unaudited)
              : await store.people.remove(owner, { by: 'root', at: now, releasesLogin: false }, unaudited),
          ),
      );
      assert.equal(await store.accounts.byId(owner), undefined);
    }
    assert.deepEqual(removed, [1, { passwords: 1, sessions: 0 }]);
  });

  test('a robot that is removed takes a password along that isn’t stored yet; a later one is refused', async () => {
    const facts = {
      display_name: 'cd',
      description: '',
      owner_group: 'platform',
      groups_json: '[]',
      labels_json: '{}',
    };
    const made = { created_by: 'root', created_by_id: null, created_at: now };
    await store.robots.insert({ ...facts, ...made, id: 'cd', login: 'robot-cd' }, 9, unaudited);
    const password = newPassword('cd', { ...times, id: 'late', hash: 'late' });
    await whileStoring(
      async (held) => assert.ok(await held.passwords.insert(password, 9, unaudited)),
      async () => assert.equal(await store.robots.remove('cd', 'root', now, unaudited), 1),
    );
    assert.equal(await store.passwords.insert(password, 9, unaudited), false);
  });

  test('a report of a hijacked maker ends a robot’s passwords that aren’t stored yet; later ones are refused', async () => {
    const { id: maker, login } = await store.accounts.signIn(
      signedIn({ id: 'mia', subject: 'mia', login: 'mia@example.com', at: now }),
    );
    const facts = { display_name: 'm', description: '', owner_group: 'etl', groups_json: '[]', labels_json: '{}' };
    const made = { created_by: login, created_by_id: maker, created_at: now };
    await store.robots.insert({ ...facts, ...made, id: 'm', login: 'robot-m' }, 9, unaudited);
    const passwordOf = (id: string) => {
      const by = { maker_id: maker, maker_kind: 'person' as const };
      return newPassword('m', { ...times, ...by, id, hash: id, name: id });
    };
    await store.passwords.insert(
      newPassword('m', { ...times, id: 'm-old', hash: 'm-old', name: 'm-old' }),
      9,
      unaudited,
    );
    const inserts = {
      issued: (of: Store, id: string) => of.passwords.insert(passwordOf(id), 9, unaudited),
      rotated: (of: Store, id: string) => of.passwords.rotate('m-old', passwordOf(id), now + day, unaudited),
    };
    for (const [what, insert] of Object.entries(inserts)) {
      const at = now + 1;
      await whileStoring(
        async (held) => assert.ok(await insert(held, `m-${what}`)),
        () => store.people.shutOut(maker, { reason: 'hijacked', at, forSecurity: true }, unaudited),
      );
      assert.equal((await store.passwords.byId(`m-${what}`))?.revoked_at, at, what);
      assert.equal(await insert(store, 'm-late'), false);
      const active = { state: 'active', reason: null, by: 'provider', at } as const;
      assert.ok(await store.accounts.setState(maker, active, unaudited));
    }
  });

  test('a revocation ends what a rotation that isn’t stored yet brings', async () => {
    const { id: owner } = await store.accounts.signIn(signedIn({ id: 'ana', login: 'ana@example.com', at: now }));
    const one = { ...times, id: 'one', hash: 'one', name: 'laptop' };
    await store.passwords.insert(newPassword(owner, one), 9, unaudited);
    const revocation = {
      ...{ id: 'r', at: now, actor: 'root', reason: '', selection_json: '{}', passwords: 1, undo_until: now + day },
      ...{ undone_at: null, undone_by: null, undo_checked: 1 },
    };
    await store.revocations.begin(revocation, unaudited);
    const two = newPassword(owner, { ...one, id: 'two', hash: 'two' });
    await whileStoring(
      async (held) => assert.ok(await held.passwords.rotate('one', two, now + day, unaudited)),
      () => store.revocations.end(revocation, [owner], {}),
    );
    const rows = await store.passwords.ofAccount(owner);
    assert.deepEqual(rows.map(({ id, revocation_reason: reason }) => [id, reason]).sort(), [
      ['one', ''],
      ['two', ''],
    ]);
  });

  test('a revocation for good that isn’t stored yet is neither undone nor left to another revocation', async () => {
    const { id: owner } = await store.accounts.signIn(
      signedIn({ id: 'cy', subject: 'cy', login: 'cy@example.com', at: now }),
    );
    const revocations = ['first', 'other'].map((id) => ({
      ...{ id, at: now, actor: 'root', reason: '', selection_json: '{}', passwords: 1, undo_until: now + day },
      ...{ undone_at: null, undone_by: null, undo_checked: 1 },
    }));
    for (const row of revocations) await store.revocations.begin(row, unaudited);
    const [first, other] = revocations;
    assert.ok(first && other);
    for (const id of ['undone', 'left']) {
      const own = { ...times, id, hash: id, name: id };
      await store.passwords.insert(newPassword(owner, own), 9, unaudited);
    }
    await store.revocations.end(first, [owner], {});
    await store.revocations.end(other, [owner], { passwordId: 'left' });
    await store.revocations.markUndone(first.id, 'root', now, unaudited);
    for (const id of ['undone', 'left']) {
      await whileStoring(
        (held) => held.passwords.revoke(id, 'cy@example.com', now, unaudited),
        () => store.revocations.restore(first.id, [id]),
      );
    }
    await store.revocations.markUndone(other.id, 'root', now, unaudited);
    await store.revocations.restore(other.id, ['undone', 'left']);
    assert.deepEqual(
      (await store.passwords.ofAccount(owner)).map(({ revoked_at: at, revoked_by: by }) => [at, by]),
      [
        [now, 'cy@example.com'],
        [now, 'cy@example.com'],
      ],
    );
  });

  test('what isn’t stored yet counts for the limits on robots, on passwords and on those of a rule for workloads', async () => {
    const { id: maker, login } = await store.accounts.signIn(
      signedIn({ id: 'eve', subject: 'eve', login: 'eve@example.com', at: now }),
    );
    const made = { created_by: login, created_by_id: maker, created_at: now };
    const facts = { display_name: '', description: '', owner_group: 'etl', groups_json: '[]', labels_json: '{}' };
    const credential = {
      ...{ kind: 'password' as const, pepper_id: 'p', issuer: 'ci', rule: 'deploy', account: 'ci:ci/app', run: null },
      ...{ service: null, sealed_claims: '', created_at: now, ends_at: now + day, removable_at: now + day },
    };
    const inserts: Readonly<Record<string, (of: Store, id: string) => Promise<unknown>>> = {
      robot: ({ robots }, id) => robots.insert({ ...facts, ...made, id, login: `robot-${id}` }, 1, unaudited),
      password: ({ passwords }, id) =>
        passwords.insert(newPassword(maker, { ...times, id, hash: id, name: id }), 1, unaudited),
      credential: ({ workloadCredentials }, id) =>
        workloadCredentials.insert({ ...credential, id, hash: id }, 1, unaudited),
    };
    for (const [what, insert] of Object.entries(inserts)) {
      let first: unknown;
      let second: unknown;
      await whileStoring(
        async (held) => {
          first = await insert(held, `${what}-first`);
        },
        async () => {
          second = await insert(store, `${what}-second`);
        },
      );
      assert.deepEqual([first, second], what === 'credential' ? ['added', 'full'] : [true, false], what);
    }
  });
});
