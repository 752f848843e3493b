/** That a database which can't serve a login isn't ready. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Refusal } from '../../src/lib/errors.ts';
import { openSql, openStore } from '../../src/store/open.ts';
import { describeEngines } from '../support/engines.ts';

const changes = [
  ['alter table app_password rename to other', 'alter table other rename to app_password'],
  ['alter table account rename column state to other', 'alter table account rename column other to state'],
] as const;

describeEngines('the check of the database', (databases) => {
  test('fails while what a login reads is missing', async () => {
    const url = await databases.create();
    const [store, sql] = [await openStore(url, () => {}), await openSql(url, () => {})];
    try {
      for (const [breaking, repairing] of changes) {
        await store.check();
        await sql.run(breaking);
        await assert.rejects(store.check(), (error: Refusal) => error.code === 'unavailable');
        await sql.run(repairing);
      }
      await store.check();
    } finally {
      await Promise.all([store.close(), sql.close()]);
    }
  });
});
