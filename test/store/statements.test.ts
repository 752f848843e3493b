/** That lists have few statements, each of which PostgreSQL keeps for each connection. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStore } from '../../src/store/open.ts';
import { createPasswordListStore } from '../../src/store/password-lists.ts';
import { createPeopleStore } from '../../src/store/people.ts';
import type { Sql } from '../../src/store/sql.ts';
import { describeEngines } from '../support/engines.ts';
import { signedIn } from '../support/rows.ts';

/** A database that has nothing and keeps the texts. */
function createRecorder(): { readonly sql: Sql; readonly texts: Set<string> } {
  const texts = new Set<string>();
  const sql: Sql = {
    engine: 'postgres',
    async all(text) {
      texts.add(text);
      return [];
    },
    get: async () => undefined,
    run: async () => 0,
    batch: async () => [],
    atomic: async () => assert.fail('only lists are read'),
  };
  return { sql, texts };
}

test('every page of a list of passwords is the same statement', async () => {
  const { sql, texts } = createRecorder();
  for (let page = 0; page < 100; page++) {
    await createPasswordListStore(sql).page('active', { now: 1, soon: 2, idle: 3 }, 50, page * 50);
  }
  assert.equal(texts.size, 1);
});

const everyone = { search: '', state: null, provider: null, domain: null };
const namesOf = (length: number): string[] => Array.from({ length }, (_, index) => `${index}@example.com`);

test('the members of a group are found by one statement, however many are named', async () => {
  const { sql, texts } = createRecorder();
  for (const length of [0, 1, 2, 500, 501, 5_000]) {
    const group = { groups: ['g'], toldSince: 1, logins: namesOf(length), domains: namesOf(5_000 - length) };
    await createPeopleStore(sql).list(
      { ...everyone, group },
      { by: 'login', descending: false },
      { limit: 50, offset: 0, now: 1 },
    );
  }
  assert.equal(texts.size, 1);
});

describeEngines('the members of a group', (databases) => {
  test('are found by name and by domain, also among more names than a statement has room for values', async (t) => {
    const store = await openStore(await databases.create(), () => {});
    t.after(() => store.close());
    for (const [name, domain] of [
      ['ana', 'example.com'],
      ['o\'neil "x"', 'example.com'],
      ['eve', 'other.example'],
      ['guest', 'third.example'],
    ] as const) {
      const login = `${name}@${domain}`;
      await store.accounts.signIn(signedIn({ id: name, subject: name, login, email: login, domain }));
    }
    const membersOf = async (logins: readonly string[], domains: readonly string[]) => {
      const group = { groups: ['g'], toldSince: 1, logins, domains };
      const rows = await store.people.list(
        { ...everyone, group },
        { by: 'login', descending: false },
        { limit: 50, offset: 0, now: 1 },
      );
      assert.equal(await store.people.count({ ...everyone, group }), rows.length);
      return rows.map(({ id }) => id);
    };
    assert.deepEqual(await membersOf([], []), []);
    const many = namesOf(70_000);
    assert.deepEqual(await membersOf([...many, 'ana@example.com'], [...many, 'other.example']), ['ana', 'eve']);
    assert.deepEqual(await membersOf(['o\'neil "x"@example.com', 'gone\0@example.com', 'half\ud800'], []), [
      'o\'neil "x"',
    ]);
  });
});
