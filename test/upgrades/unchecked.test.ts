/** People whose provider can't be asked about, from before there was a limit: nobody loses a password by an upgrade. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInstallationStore } from '../../src/store/installation.ts';
import { openSql, readMigrations } from '../../src/store/open.ts';
import { describeEngines } from '../support/engines.ts';

const migration = '0042_unchecked_people';
const person = `insert into account (id, kind, provider, issuer, subject, login, groups_json, state, created_at)
  values ('a', 'person', 'p', 'i', 's', 'ana@example.com', '[]', 'active', 1)`;

describeEngines('the limit for people who cannot be asked about', (databases) => {
  for (const [title, rows, keeps] of [
    ['an installation of 0.1.0 with people keeps what it has', [person], true],
    ['one that has run 0.2.0 keeps the limit', [person, "insert into installation (id) values ('i')"], false],
    ['a new one has the limit', [], false],
  ] as const) {
    test(title, async (t) => {
      const sql = await openSql(await databases.createEmpty(), () => {});
      t.after(() => sql.close());
      const all = await readMigrations();
      await sql.migrate(all.filter(({ name }) => name < migration));
      for (const row of rows) await sql.run(row);
      await sql.migrate(all);
      assert.equal(await createInstallationStore(sql).keepsUnchecked(), keeps);
    });
  }
});
