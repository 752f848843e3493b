/** That lists have few statements, each of which PostgreSQL keeps for each connection. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPasswordListStore } from '../../src/store/password-lists.ts';
import { createPeopleStore } from '../../src/store/people.ts';
import type { Sql } from '../../src/store/sql.ts';

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

test('the members of a group are found by one of a few statements, however many are named', async () => {
  const { sql, texts } = createRecorder();
  const names = Array.from({ length: 5_000 }, (_, index) => `${index}@example.com`);
  for (const length of [1, 2, 8, 9, 63, 64, 65, 500, 501, 5_000]) {
    const logins = names.slice(0, length);
    await createPeopleStore(sql).list(
      {
        ...{ search: '', state: null, provider: null, domain: null },
        group: { groups: ['g'], toldSince: 1, logins, domains: [] },
      },
      { by: 'login', descending: false },
      { limit: 50, offset: 0, now: 1 },
    );
  }
  assert.ok(texts.size <= 6, `${texts.size}`);
});
