import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { Refusal } from '../../src/lib/errors.ts';
import { openSql, readMigrations } from '../../src/store/open.ts';
import { ConstraintError, type OpenDatabase } from '../../src/store/sql.ts';
import { createStore } from '../../src/store/store.ts';
import { transfer } from '../../src/store/transfer.ts';
import { describeEngines } from '../support/engines.ts';
import { missing } from '../support/parts.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';
import { runProgram } from '../support/process.ts';
import { newPassword, signedIn } from '../support/rows.ts';

const noIdleErrors = () => {};
const people = 120;

async function openMigrated(url: string): Promise<OpenDatabase> {
  const sql = await openSql(url, noIdleErrors);
  await sql.migrate(await readMigrations());
  return sql;
}

/** People with 100 passwords each: more rows than are read at once. */
async function fill(sql: OpenDatabase): Promise<void> {
  const store = createStore(sql);
  for (let n = 0; n < people; n++) {
    const login = `p${n}@example.com`;
    await store.accounts.signIn(signedIn({ id: `account-${n}`, subject: String(n), login, email: login }));
  }
  const row = newPassword('account-0', {});
  const columns = Object.keys(row).join(', ');
  const fields = Object.keys(row).map((column) => {
    const own = { id: `'p' || n`, hash: `'h' || n`, name: `'n' || n`, account_id: `'account-' || (n % ${people})` };
    return own[column as keyof typeof own] ?? `$${Object.keys(row).indexOf(column) + 1}`;
  });
  const values = Object.entries(row).map(([, value]) => value);
  await sql.batch([
    {
      text: `insert into app_password (${columns})
             with recursive numbers (n) as (select 0 union all select n + 1 from numbers where n < ${people * 100 - 1})
             select ${fields.join(', ')} from numbers`,
      values,
    },
  ]);
}

describeEngines('a transfer to', (databases) => {
  const withBoth = async (action: (from: OpenDatabase, to: OpenDatabase) => Promise<void>): Promise<void> => {
    const from = await openMigrated('sqlite::memory:');
    const to = await openMigrated(await databases.create());
    try {
      await action(from, to);
    } finally {
      await Promise.all([from.close(), to.close()]);
    }
  };

  test('moves every row of every table, and back', () =>
    withBoth(async (from, to) => {
      await fill(from);
      const done = await transfer(from, to);
      const rowsOf = (table: string) => done.find((entry) => entry.table === table)?.rows;
      assert.equal(rowsOf('account'), people);
      assert.equal(rowsOf('app_password'), people * 100);
      assert.equal(rowsOf('web_session'), 0);
      const [there, here] = await Promise.all([to, from].map((sql) => createStore(sql).passwords.byHash('h777')));
      assert.ok(there);
      assert.deepEqual(there, here);

      const back = await openMigrated('sqlite::memory:');
      assert.deepEqual(
        new Map((await transfer(to, back)).map(({ table, rows }) => [table, rows])),
        new Map(done.map(({ table, rows }) => [table, rows])),
      );
      await back.close();
    }));

  test('names the table whose row the target refuses although nothing changed', () =>
    withBoth(async (from, to) => {
      await fill(from);
      await to.run('create unique index one_name on account (display_name)');
      await assert.rejects(
        transfer(from, to),
        (error: Refusal) => error.code === 'conflict' && /^The target refuses a row of account/.test(error.message),
      );
    }));

  test('refuses a target that holds anything, and leaves it as it is', () =>
    withBoth(async (from, to) => {
      await fill(from);
      await createStore(to).accounts.signIn(signedIn({}));
      await assert.rejects(
        transfer(from, to),
        (error) => error instanceof Refusal && /not empty.*account/.test(error.message),
      );
      assert.deepEqual(await to.get('select count(*) as count from account'), { count: 1 });
    }));

  test('that fails leaves nothing behind', () =>
    withBoth(async (from, to) => {
      await fill(from);
      // An audit row that the target cannot take: it comes after the people and their passwords.
      await to.run('create unique index one_action on audit_event (action)');
      const event = {
        at: 1,
        action: 'x',
        actor: '',
        subject: '',
        address: null,
        client: null,
        request_id: null,
        repository: null,
      };
      const rows = ['a', 'b'].map((id) => ({ id, ...event, detail_json: '{}' }));
      await createStore(from).audit.add(rows);
      await assert.rejects(transfer(from, to), (error: Refusal) => error.cause instanceof ConstraintError);
      assert.deepEqual(await to.get('select count(*) as count from app_password'), { count: 0 });
    }));

  test('of a source that somebody still writes to is refused, however little they changed', () =>
    withBoth(async (from, to) => {
      await fill(from);
      let asked = 0;
      const all: OpenDatabase['all'] = async (text, values) => {
        // After the passwords were read: a count would not tell.
        if (text.includes('from audit_event') && asked++ === 0) {
          await from.run("update app_password set revoked_at = 1 where id = 'p777'");
        }
        return from.all(text, values);
      };
      await assert.rejects(
        transfer({ ...from, all }, to),
        (error: Refusal) => error.code === 'conflict' && /^app_password changed meanwhile/.test(error.message),
      );
      assert.deepEqual(await to.get('select count(*) as count from account'), { count: 0 });
    }));

  test('of a source that changed while it was read for the second time is refused', () =>
    withBoth(async (from, to) => {
      await fill(from);
      const { audit } = createStore(from);
      const event = { at: 1, action: 'x', actor: '', subject: '', address: null, client: null, request_id: null };
      let asked = 0;
      const all: OpenDatabase['all'] = async (text, values) => {
        // After the passwords, and what comes before this table, were compared.
        if (/from day_total +order/.test(text) && ++asked === 2) {
          await from.run("update app_password set revoked_at = 1 where id = 'p777'");
          await audit.add([{ id: 'z', ...event, repository: null, detail_json: '{}' }]);
        }
        return from.all(text, values);
      };
      await assert.rejects(transfer({ ...from, all }, to), /^Refusal: audit_event changed meanwhile/);
      assert.equal(asked, 2);
      assert.deepEqual(await to.get('select count(*) as count from app_password'), { count: 0 });
    }));

  test('of a source that a service began to serve meanwhile is refused', () =>
    withBoth(async (from, to) => {
      await fill(from);
      const { leases } = createStore(from);
      let asked = 0;
      const all: OpenDatabase['all'] = async (text, values) => {
        // The last page that is read for the second time.
        if (text.includes('from audit_event') && ++asked === 2) {
          await leases.put('serve', `${process.pid} on ${hostname()}`, Date.now() + 60_000);
        }
        return from.all(text, values);
      };
      await assert.rejects(
        transfer({ ...from, all }, to),
        (error: Refusal) => error.code === 'conflict' && /^Process \d+ on .* serves this database/.test(error.message),
      );
      assert.equal(asked, 2);
      assert.deepEqual(await to.get('select count(*) as count from account'), { count: 0 });
    }));

  test('leaves out what only the processes of the source hold', () =>
    withBoth(async (from, to) => {
      await createStore(from).leases.put('sweep', 'x', Date.now() + 60_000);
      const done = await transfer(from, to);
      assert.deepEqual(await to.get('select count(*) as count from lease'), { count: 0 });
      assert.ok(!done.some(({ table }) => table === 'lease'));
    }));

  test('of a source whose leases change is refused: some process uses it', () =>
    withBoth(async (from, to) => {
      const { leases } = createStore(from);
      let asked = 0;
      const all: OpenDatabase['all'] = async (text, values) => {
        if (/from day_total +order/.test(text) && ++asked === 1) await leases.put('sweep', 'x', Date.now() + 60_000);
        return from.all(text, values);
      };
      await assert.rejects(transfer({ ...from, all }, to), /^Refusal: lease changed meanwhile/);
    }));
});

/** Which creates its tables by name: requests before the people who made them. */
test('a database that pg_dump copied can be moved', {
  skip: missing('pg_dump', 'psql') || findPostgres() === null,
}, async (t) => {
  const server = await startPostgres();
  t.after(() => server.stop());
  const [live, copied] = [await server.createDatabase(), await server.createDatabase()];
  const source = await openMigrated(live);
  await createStore(source).accounts.signIn(signedIn({}));
  await source.run(`
    insert into access_request (id, account_id, service, name, actions, note, address, created_at)
    values ('r', 'account-1', 'registry.example.com', 'team/app', 'pull', '', '', 1)`);
  await source.close();
  const dump = `pg_dump "${live}" | psql -v ON_ERROR_STOP=1 -q "${copied}"`;
  const { code, output } = await runProgram('sh', ['-c', dump]);
  assert.equal(code, 0, output);
  const [from, to] = [await openMigrated(copied), await openMigrated('sqlite::memory:')];
  await transfer(from, to);
  assert.deepEqual(await to.get('select account_id from access_request'), { account_id: 'account-1' });
  await Promise.all([from.close(), to.close()]);
});
