import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSql, openStore } from '../../src/store/open.ts';
import { ConstraintError } from '../../src/store/sql.ts';
import type { Store } from '../../src/store/store.ts';
import { unaudited } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';
import { newPassword, signedIn } from '../support/rows.ts';

const noIdleErrors = () => {};

describeEngines('the store', (databases) => {
  const withStore = async (action: (store: Store) => Promise<void>) => {
    const store = await openStore(await databases.create(), noIdleErrors);
    try {
      await action(store);
    } finally {
      await store.close();
    }
  };

  test('a failed migration leaves nothing behind', async () => {
    const sql = await openSql(await databases.createEmpty(), noIdleErrors);
    const broken = { name: '0001_broken', text: 'create table half (id text); create table half (id text);' };
    await assert.rejects(sql.migrate([broken]));
    await assert.rejects(sql.get('select * from half'));
    assert.deepEqual(await sql.migrate([{ name: '0001_broken', text: 'create table half (id text)' }]), [
      '0001_broken',
    ]);
    await sql.close();
  });

  test('a batch is stored whole or not at all', () =>
    withStore(async (store) => {
      const event = {
        id: 'a',
        at: 1,
        action: 'x',
        actor: '',
        subject: '',
        address: null,
        client: null,
        request_id: null,
        repository: null,
      };
      const row = { ...event, detail_json: '{}' };
      const unstorable = { ...row, id: 'c', action: null as unknown as string };
      await assert.rejects(store.audit.add([row, { ...row, id: 'b' }, unstorable]), ConstraintError);
      assert.deepEqual(await store.audit.list({}, null, 10), []);
      await store.audit.add([row, { ...row, id: 'b', at: 2 }]);
      await store.audit.add([row, { ...row, at: 3 }]); // a second try, as the answer to the first was lost
      assert.deepEqual(
        (await store.audit.list({}, null, 10)).map(({ id }) => id),
        ['b', 'a'],
      );
    }));

  test('of writes that are asked for at once each is stored or refused by itself', () =>
    withStore(async ({ accounts, sessions, seenTokens }) => {
      const { id } = await accounts.signIn(signedIn({}));
      const session = { data: '{}', expiresAt: 9_000 };
      const outcomes = await Promise.allSettled([
        ...Array.from({ length: 100 }, (_, n) => sessions.write(`s${n}`, { ...session, accountId: id })),
        sessions.write('foreign', { ...session, accountId: 'nobody' }),
        seenTokens.note('after', 1_000),
      ]);
      const refused = outcomes.filter(({ status }) => status === 'rejected');
      assert.equal(refused.length, 1);
      assert.ok((refused[0] as PromiseRejectedResult).reason instanceof ConstraintError);
      assert.equal((await sessions.ofAccount(id, 1)).length, 100);
      assert.equal(await seenTokens.note('after', 1_000), false);
    }));

  test('a person is known by issuer and subject: e-mail, domain and groups follow the provider', () =>
    withStore(async (store) => {
      const first = await store.accounts.signIn(signedIn({ groups: ['google:platform'], at: 1000 }));
      const again = await store.accounts.signIn(
        signedIn({ id: 'other', login: 'ana.new@example.com', email: 'ana.new@example.com', groups: null, at: 2000 }),
      );
      assert.equal(again.id, first.id);
      assert.equal(again.login, 'ana.new@example.com');
      assert.equal(again.groups_json, '["google:platform"]');
      assert.equal(again.groups_at, 1000, 'groups that the provider did not tell keep their age');
      assert.equal(again.created_at, 1000);
      assert.equal(again.signed_in_at, 2000);
      assert.equal(await store.accounts.byLogin('ana@example.com'), undefined);
      assert.deepEqual(await store.accounts.byId(first.id), again);
    }));

  test('a login belongs to one account', () =>
    withStore(async (store) => {
      await store.accounts.signIn(signedIn({}));
      await assert.rejects(store.accounts.signIn(signedIn({ id: 'b', subject: 'somebody else' })), ConstraintError);
    }));

  test('a password is found by its hash with its owner, until it is revoked it is live', () =>
    withStore(async (store) => {
      const owner = await store.accounts.signIn(signedIn({}));
      assert.equal(await store.passwords.insert(newPassword(owner.id, {}), 5, unaudited), true);
      const row = await store.passwords.byHash('hash-1');
      assert.equal(row?.login, 'ana@example.com');
      assert.equal(row?.expires_at, 9_000);
      assert.equal(row?.revoked_at, null);
      assert.equal(await store.passwords.byHash('hash-2'), undefined);
      assert.equal(await store.passwords.revoke('p1', 'admin', 500, unaudited), true);
      assert.equal(await store.passwords.revoke('p1', 'someone', 600, unaudited), false, 'the first revocation stays');
      assert.deepEqual(await store.passwords.byHash('hash-1').then((after) => [after?.revoked_at, after?.revoked_by]), [
        500,
        'admin',
      ]);
    }));

  test('passwords that are looked up at once are each found with their own owner, or not at all', () =>
    withStore(async ({ accounts, passwords }) => {
      const owners = [
        await accounts.signIn(signedIn({})),
        await accounts.signIn(signedIn({ id: 'b', subject: 'b', login: 'bo@example.com' })),
      ];
      const numbers = Array.from({ length: 40 }, (_, n) => n);
      for (const n of numbers) {
        const named = { id: `p${n}`, hash: `h${n}`, name: `n${n}` };
        await passwords.insert(newPassword(owners[n % 2]?.id ?? '', named), 100, unaudited);
      }
      const looked = ['missing', 'h0', ...numbers.map((n) => `h${n}`), '', "h0'"];
      const found = await Promise.all(looked.map((hash) => passwords.byHash(hash)));
      assert.deepEqual(
        found.map((row) => row && [row.id, row.login]),
        looked.map((hash) => {
          const n = Number(/^h(\d+)$/.exec(hash)?.[1] ?? Number.NaN);
          return Number.isNaN(n) ? undefined : [`p${n}`, owners[n % 2]?.login];
        }),
      );
    }));

  test('a password that is looked up with others after its revocation is revoked', () =>
    withStore(async ({ accounts, passwords }) => {
      const owner = await accounts.signIn(signedIn({}));
      await passwords.insert(newPassword(owner.id, {}), 5, unaudited);
      const before = passwords.byHash('hash-1');
      await passwords.revoke('p1', 'admin', 500, unaudited);
      const after = await Promise.all(['hash-1', 'other', 'hash-1'].map((hash) => passwords.byHash(hash)));
      await before;
      assert.deepEqual(
        after.map((row) => row?.revoked_at),
        [500, undefined, 500],
      );
    }));

  test('creations at once never pass the limit, and revoked or expired passwords do not count', () =>
    withStore(async (store) => {
      const owner = await store.accounts.signIn(signedIn({}));
      const numbers = [1, 2, 3, 4, 5, 6, 7, 8];
      const inserted = await Promise.all(
        numbers.map((n) =>
          store.passwords.insert(newPassword(owner.id, { id: `p${n}`, hash: `h${n}`, name: `n${n}` }), 3, unaudited),
        ),
      );
      assert.equal(inserted.filter(Boolean).length, 3);
      const [one] = await store.passwords.ofAccount(owner.id);
      await store.passwords.revoke(one?.id ?? '', 'x', 200, unaudited);
      assert.equal(
        await store.passwords.insert(newPassword(owner.id, { id: 'q', hash: 'q', name: 'q' }), 3, unaudited),
        true,
      );
      const later = newPassword(owner.id, { id: 'r', hash: 'r', name: 'r', created_at: 10_000, expires_at: 20_000 });
      assert.equal(await store.passwords.insert(later, 1, unaudited), true, 'the others have expired by then');
    }));

  test('two active passwords of one person never share a name', () =>
    withStore(async (store) => {
      const owner = await store.accounts.signIn(signedIn({}));
      const insert = (id: string) => store.passwords.insert(newPassword(owner.id, { id, hash: id }), 9, unaudited);
      assert.deepEqual((await Promise.all([insert('a'), insert('b')])).sort(), [false, true]);
    }));

  test('the last use is written at most once an interval', () =>
    withStore(async (store) => {
      const owner = await store.accounts.signIn(signedIn({}));
      await store.passwords.insert(newPassword(owner.id, {}), 5, unaudited);
      const use = (at: number) =>
        store.passwords.recordUses([{ id: 'p1', at, address: `10.0.0.${at}`, client: 'docker' }], 10);
      const used = async () => (await store.passwords.byId('p1'))?.used_address;
      await use(100);
      await use(105);
      assert.equal(await used(), '10.0.0.100');
      await use(110);
      assert.equal(await used(), '10.0.0.110');
    }));

  test('the pepper of an active password is known, of others it does not matter', () =>
    withStore(async (store) => {
      const owner = await store.accounts.signIn(signedIn({}));
      assert.equal(await store.passwords.pepperInUse(0), undefined);
      await store.passwords.insert(newPassword(owner.id, {}), 5, unaudited);
      assert.equal(await store.passwords.pepperInUse(8_999), 'pepper-1');
      assert.equal(await store.passwords.pepperInUse(9_000), undefined);
    }));

  test('a session that was ended is not changed back into life', () =>
    withStore(async (store) => {
      await store.sessions.write('a', { accountId: null, data: '1', expiresAt: 100 });
      await store.sessions.change('a', { data: '2', expiresAt: 200 });
      assert.equal((await store.sessions.read('a', 150))?.data, '2');
      await store.sessions.remove('a');
      await store.sessions.change('a', { data: '3', expiresAt: 300 });
      assert.equal(await store.sessions.read('a', 0), undefined);
    }));

  test('sessions end when they expire, one by one, or all of an account', () =>
    withStore(async (store) => {
      const owner = await store.accounts.signIn(signedIn({}));
      const session = { accountId: owner.id, data: '{"a":1}', expiresAt: 100 };
      for (const id of ['a', 'b', 'c']) await store.sessions.write(id, session);
      await store.sessions.write('anonymous', { ...session, accountId: null });
      assert.equal((await store.sessions.read('a', 99))?.data, '{"a":1}');
      assert.equal(await store.sessions.read('a', 100), undefined);
      await store.sessions.extend('a', 200);
      assert.equal((await store.sessions.read('a', 100))?.data, '{"a":1}');
      await store.sessions.remove('b');
      assert.equal(await store.sessions.removeOfAccount(owner.id, unaudited), 2);
      assert.equal((await store.sessions.read('anonymous', 50))?.data, '{"a":1}');
      assert.equal(await store.sessions.removeExpired(100), 1);
    }));

  test('a lease belongs to one holder until it runs out or is given back', () =>
    withStore(async ({ leases }) => {
      const takers = ['a', 'b', 'c', 'd'];
      const taken = await Promise.all(takers.map((holder) => leases.take('sweep', holder, 1_000, 2_000)));
      assert.equal(taken.filter(Boolean).length, 1);
      const winner = takers[taken.indexOf(true)] ?? '';
      assert.equal(await leases.take('sweep', winner, 1_500, 2_500), true, 'its holder may keep it');
      assert.equal(await leases.take('sweep', 'e', 2_499, 9_000), false);
      assert.equal(await leases.take('other', 'e', 1_500, 2_500), true);
      assert.equal(await leases.take('sweep', 'e', 2_500, 3_000), true, 'it has run out');
      await leases.release('sweep', winner);
      assert.equal(await leases.take('sweep', winner, 2_600, 3_000), false, 'nobody gives back what is not theirs');
      await leases.release('sweep', 'e');
      assert.equal(await leases.take('sweep', winner, 2_600, 3_000), true);
    }));

  test('those who hold active passwords are due, whoever was never asked about first', () =>
    withStore(async ({ accounts, passwords }) => {
      for (const name of ['ana', 'bo', 'cy', 'di', 'eve']) {
        const login = `${name}@example.com`;
        await accounts.signIn(signedIn({ id: name, subject: name, login, email: login, at: 10 }));
        await passwords.insert(newPassword(name, { id: name, hash: name }), 5, unaudited);
      }
      await accounts.confirm('ana', { at: 400, groups: ['google:dev'] }, unaudited);
      await accounts.noteCheck('bo', 300);
      await passwords.revoke('cy', 'x', 200, unaudited);
      await accounts.setState('di', { state: 'disabled', reason: 'suspended', by: 'provider', at: 250 }, unaudited);
      const due = async (before: number, now: number) => (await accounts.due(before, now)).map(({ id }) => id);
      assert.deepEqual(await due(400, 500), ['eve', 'bo', 'ana']);
      assert.deepEqual(await due(399, 500), ['eve', 'bo']);
      assert.deepEqual(await due(400, 9_000), [], 'the passwords have expired');
      const team = { provider: 'google', domain: 'example.com', holders: 3 };
      assert.deepEqual(await accounts.countTeams(500, 249), [{ ...team, gone: 1, suspended: 0 }]);
      assert.deepEqual(await accounts.countTeams(500, 250), [{ ...team, gone: 0, suspended: 0 }]);
      assert.deepEqual(await accounts.countUnchecked(500), [{ provider: 'google', people: 2 }]);
      assert.deepEqual(await accounts.oldest(500, ''), { confirmation: 400, groups: 10, last: 'eve' });
      assert.deepEqual(await accounts.oldest(9_000, ''), { confirmation: null, groups: null, last: 'eve' });
      assert.deepEqual(await accounts.oldest(500, 'ana'), { confirmation: null, groups: 10, last: 'eve' });
      assert.deepEqual(await accounts.oldest(500, 'eve'), { confirmation: null, groups: null, last: null });
    }));

  test('whoever holds anything that works is due, not only who holds a password', () =>
    withStore(async ({ accounts, passwords, sessions, apiTokens, robots }) => {
      for (const name of ['ana', 'bo', 'cy', 'di', 'eve']) {
        const login = `${name}@example.com`;
        await accounts.signIn(signedIn({ id: name, subject: name, login, email: login, at: 10 }));
      }
      const due = async (now: number) => (await accounts.due(now, now)).map(({ id }) => id);
      assert.deepEqual(await due(500), []);
      await passwords.insert(newPassword('ana', { id: 'p1', hash: 'h1', expires_at: 600 }), 5, unaudited);
      await sessions.write('s1', { accountId: 'bo', data: '{}', expiresAt: 700 });
      await apiTokens.insert(
        {
          ...{ id: 't1', account_id: 'cy', created_by: 'cy', name: 'w', hash: 'h', pepper_id: 'p', hint: 'x' },
          ...{ scopes_json: '[]', created_at: 10, expires_at: 800 },
        },
        unaudited,
      );
      await robots.insert(
        {
          ...{ id: 'r1', login: 'robot-ci', display_name: 'CI', description: '', owner_group: 'dev' },
          ...{ groups_json: '[]', labels_json: '{}', created_at: 10, created_by: 'eve', created_by_id: null },
        },
        1,
        unaudited,
      );
      await passwords.insert(
        newPassword('r1', { id: 'p2', hash: 'h2', expires_at: 900, maker_id: 'di', maker_kind: 'person' }),
        5,
        unaudited,
      );
      assert.deepEqual(await due(500), ['ana', 'bo', 'cy', 'di']);
      assert.deepEqual(await due(650), ['bo', 'cy', 'di']);
      assert.deepEqual(await due(750), ['cy', 'di']);
      assert.deepEqual(await due(850), ['di']);
      assert.deepEqual(await due(950), []);
    }));

  test('an answer about a person never replaces a later one', () =>
    withStore(async ({ accounts }) => {
      const { id } = await accounts.signIn(signedIn({ groups: null, at: 100 }));
      await accounts.confirm(id, { at: 300, groups: ['google:dev'] }, unaudited);
      await accounts.confirm(id, { at: 200, groups: ['google:old'] }, unaudited);
      await accounts.confirm(id, { at: 400, groups: null }, unaudited);
      const ana = await accounts.byId(id);
      assert.deepEqual([ana?.groups_json, ana?.groups_at, ana?.confirmed_at], ['["google:dev"]', 300, 400]);
      await accounts.confirm(id, { at: 410, groups: ['google:dev'], undecided: ['google:ops'] }, unaudited);
      assert.equal((await accounts.byId(id))?.undecided_groups_json, '["google:ops"]');
      await accounts.confirm(id, { at: 420, groups: null }, unaudited);
      assert.equal((await accounts.byId(id))?.undecided_groups_json, '["google:ops"]', 'they keep their age, too');
      await accounts.confirm(id, { at: 430, groups: [] }, unaudited);
      assert.equal((await accounts.byId(id))?.undecided_groups_json, null);
      const gone = { state: 'disabled', reason: 'deleted', by: 'provider', at: 500 } as const;
      assert.equal(await accounts.setState(id, gone, unaudited), true);
      assert.equal(await accounts.setState(id, gone, unaudited), false, 'is so already');
      await accounts.forgetConfirmation(id, 600);
      assert.equal((await accounts.byId(id))?.confirmed_at, null);
    }));

  test('a refresh token is replaced only by the one that came from it; a message is noted once', () =>
    withStore(async ({ accounts, refreshTokens, seenTokens }) => {
      const { id } = await accounts.signIn(signedIn({}));
      await refreshTokens.write(id, 'sealed 1', 'client', 1);
      assert.equal(await refreshTokens.rotate(id, 'sealed 1', 'sealed 2', 2), true);
      assert.equal(await refreshTokens.rotate(id, 'sealed 1', 'sealed 3', 3), false);
      assert.equal((await refreshTokens.ofAccount(id))?.sealed, 'sealed 2');
      await refreshTokens.remove(id);
      assert.equal(await refreshTokens.ofAccount(id), undefined);

      const noted = await Promise.all([1, 2, 3].map(() => seenTokens.note('jti', 1_000)));
      assert.equal(noted.filter(Boolean).length, 1);
      assert.equal(await seenTokens.removeExpired(1_000), 1);
      assert.equal(await seenTokens.note('jti', 2_000), true);
      await seenTokens.forget('jti');
      assert.equal(await seenTokens.note('jti', 2_000), true);
    }));
});
