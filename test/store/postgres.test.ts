import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import pg from 'pg';
import { Refusal } from '../../src/lib/errors.ts';
import { migrateDatabase, openSql, openStore } from '../../src/store/open.ts';
import { ConstraintError, type OpenDatabase } from '../../src/store/sql.ts';
import { unaudited } from '../support/audit.ts';
import { skipped } from '../support/parts.ts';
import { startPooler } from '../support/pooler.ts';
import { findPostgres, type PostgresServer, startPostgres } from '../support/postgres.ts';
import { newPassword, signedIn } from '../support/rows.ts';

describe('a PostgreSQL server in trouble', {
  skip: findPostgres() === null && skipped('not installed: PostgreSQL'),
}, () => {
  let server: PostgresServer;
  let url: string;
  let sql: OpenDatabase;
  const idle: Error[] = [];
  before(async () => {
    server = await startPostgres();
    url = await server.createDatabase();
    sql = await openSql(url, (error) => idle.push(error));
    await sql.run('create table t (n integer unique)');
  });
  after(async () => {
    await sql.close();
    await server.stop();
  });

  const isUnavailable = (error: unknown) => {
    assert.ok(error instanceof Refusal);
    assert.equal(error.status, 503);
    assert.ok(error.retryAfter);
    assert.ok(error.cause);
    return true;
  };
  const killMe = { text: 'select pg_terminate_backend(pg_backend_pid())', values: [] };

  test('a connection that is cut in a transaction stores nothing and ends nothing', async () => {
    const insert = { text: 'insert into t values ($1)', values: [1] };
    await assert.rejects(sql.batch([insert, killMe]), isUnavailable);
    assert.deepEqual(await sql.all('select n from t'), []);
    await assert.rejects(sql.get(killMe.text), isUnavailable);
    assert.deepEqual(await sql.get('select 1 as one'), { one: 1 });
  });

  test('what it cannot keep is the sender’s mistake', () =>
    assert.rejects(sql.get('select cast($1 as text)', ['a\0']), (error: Refusal) => error.status === 400));

  test('a value that is out of range is the sender’s mistake too', () =>
    assert.rejects(sql.get('select cast($1 as smallint)', [70_000]), (error: Refusal) => error.status === 400));

  const holders = `
    select pid from pg_locks where relation = 'held'::regclass and mode = 'AccessExclusiveLock' and granted`;

  /** `text` fails with the code; the second column is what makes it. */
  const passing: Readonly<Record<string, readonly string[]>> = {
    'a lock that is held for longer than lock_timeout (55P03)': [
      "set local lock_timeout = '1ms'",
      'select * from held',
    ],
    // Raised, not waited for: whether two statements are a millisecond apart is the machine’s business.
    'a transaction that stood idle for too long (25P03)': [
      `do $$ begin raise exception 'idle' using errcode = '25P03'; end $$`,
    ],
    'a table that is not there (42P01)': ['select nothing from nowhere'],
    'a statement that is malformed (42601)': ['selekt'],
    'a user that may not do it (42501)': ['set local role reader', 'select * from pg_authid'],
  };
  for (const [what, statements] of Object.entries(passing)) {
    test(`${what} is the database’s fault, not that of what was sent`, async () => {
      const holder = await openSql(url, () => {});
      try {
        await holder.run('create table if not exists held (n integer)');
        await holder.run(
          `do $$ begin if not exists (select 1 from pg_roles where rolname = 'reader') then create role reader; end if; end $$`,
        );
        const lock = [
          { text: 'lock table held in access exclusive mode', values: [] },
          { text: 'select pg_sleep(60)', values: [] },
        ];
        const held = holder.batch(lock).catch(() => {});
        // Until it has the lock, and no longer than it's needed: how fast this goes is the machine's business.
        while ((await sql.all(holders)).length === 0) await yieldToOthers();
        await assert.rejects(sql.batch(statements.map((text) => ({ text, values: [] }))), isUnavailable);
        await sql.all(holders.replace('select pid', 'select pg_cancel_backend(pid)'));
        await held;
      } finally {
        await holder.close();
      }
    });
  }

  test('one that takes no connections is away', async () => {
    const own = await server.createDatabase();
    const theirs = await openSql(own, () => {});
    await theirs.get('select 1');
    const [name] = new URL(own).pathname.split('/').slice(1);
    await sql.run(`alter database ${name} allow_connections false`);
    await sql.get(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
    await assert.rejects(
      theirs.get('select 1').catch(() => theirs.get('select 1')),
      isUnavailable,
    );
    await theirs.close();
  });

  test('a standby serves nothing until it is promoted', async () => {
    const standby = await server.startStandby();
    const theirs = await openSql(standby.urlOf(url), () => {});
    try {
      await assert.rejects(theirs.get('select 1'), isUnavailable);
      await assert.rejects(theirs.check(), isUnavailable);
      const reason = /standby server.*Give DATABASE_URL the primary/;
      await assert.rejects(theirs.migrate([]), (error: Refusal) => reason.test(error.message));
      await standby.promote();
      assert.deepEqual(await theirs.get('select 1 as one'), { one: 1 });
      await theirs.check();
    } finally {
      await theirs.close();
      await standby.stop();
    }
  });

  test('a standby that a pooler puts behind an open connection serves nothing either', async () => {
    const own = await server.createDatabase();
    const pooler = await startPooler(own);
    const theirs = await openSql(pooler.url, () => {});
    await theirs.run('create table password (n integer)');
    await theirs.run('insert into password values (1), (2)');
    const standby = await server.startStandby();
    const read = 'select n, n as again from password where n >= $1 order by n desc';
    const primaryHas = async () => assert.deepEqual(await theirs.get(read, [1]), { n: 2, again: 2 });
    try {
      // Behind a pooler that gives each transaction another connection, statements have no names.
      await primaryHas();
      await theirs.run('deallocate all');
      assert.deepEqual(
        await theirs.all(read, [1]),
        [2, 1].map((n) => ({ n, again: n })),
      );
      for (const ask of [
        () => theirs.all(read, [1]),
        () => theirs.get(read, [1]),
        () => theirs.get(read, [3]),
        () => theirs.get('insert into password values (4) returning *'),
        () => theirs.check(),
      ]) {
        pooler.leadTo(own);
        await primaryHas();
        pooler.leadTo(standby.urlOf(own));
        await assert.rejects(ask, isUnavailable);
      }
    } finally {
      await theirs.close();
      await pooler.close();
      await standby.stop();
    }
  });

  test('one that only reads is not ready, and reads go on', async () => {
    const own = await server.createDatabase();
    const [name] = new URL(own).pathname.split('/').slice(1);
    await sql.run(`alter database ${name} set default_transaction_read_only = on`);
    const theirs = await openSql(own, () => {});
    assert.deepEqual(await theirs.get('select 1 as one'), { one: 1 });
    await assert.rejects(theirs.check(), isUnavailable);
    await theirs.close();
  });

  test('the check says what time it is there', async () => {
    const before = Date.now();
    const at = (await sql.check()) ?? assert.fail('no clock');
    assert.ok(at >= before - 1 && at <= Date.now(), `${at}`);
  });

  test('while it is away everything is refused for now, and after that works as before', async () => {
    await Promise.all([1, 2, 3].map(() => sql.get('select 1')));
    await server.goAway();
    await assert.rejects(sql.get('select 1'), isUnavailable);
    await assert.rejects(sql.batch([{ text: 'select 1', values: [] }]), isUnavailable);
    await server.comeBack();
    assert.deepEqual(await sql.get('select 1 as one'), { one: 1 });
    assert.ok(idle.length > 0, 'idle connections were told of');
  });

  test('another version’s migration under a running one is no fault', async () => {
    const all = 'select * from t where n > $1';
    const add = { text: 'insert into t values ($1) returning *', values: [7] };
    await Promise.all([1, 2, 3].map(() => sql.get(all, [6])));
    await sql.batch([add]);
    const newer = await openSql(url, () => {});
    await newer.run('alter table t add column more text');
    await newer.close();
    await assert.rejects(sql.batch([add]), ConstraintError);
    assert.deepEqual(await sql.all(all, [6]), [{ n: 7, more: null }]);
  });

  test('what a deadlock with a migration ended is tried again, and done once', async () => {
    const [migration, gate] = [new pg.Client(url), new pg.Client(url)];
    await Promise.all([migration.connect(), gate.connect()]);
    const nobodyWaits = async (mode: string) =>
      (await gate.query('select from pg_locks where mode = $1 and not granted', [mode])).rowCount === 0;
    try {
      await sql.run('create table first (n integer)');
      // The server ends the one that looks for a deadlock first, which must not be the migration.
      await migration.query("set deadlock_timeout = '1h'; begin; lock table first");
      await gate.query('select pg_advisory_lock(7)');
      const texts = [
        "set local deadlock_timeout = '1ms'",
        'insert into t (n) values (20)',
        'select pg_advisory_xact_lock(7)',
        'insert into first values (20)',
      ];
      const login = sql.batch(texts.map((text) => ({ text, values: [] })));
      while (await nobodyWaits('ExclusiveLock')) await yieldToOthers();
      const migrated = migration.query('lock table t; commit');
      while (await nobodyWaits('AccessExclusiveLock')) await yieldToOthers();
      await gate.query('select pg_advisory_unlock(7)');
      await Promise.all([migrated, login]);
      assert.deepEqual(await sql.all('select n from t natural join first'), [{ n: 20 }]);
    } finally {
      await Promise.all([migration.end(), gate.end()]);
    }
  });

  for (const isolation of ['repeatable read', 'serializable']) {
    test(`limits hold, and nothing fails, where the database’s default isolation is ${isolation}`, async () => {
      const own = await server.createDatabase();
      await migrateDatabase(own);
      await sql.run(
        `alter database ${new URL(own).pathname.slice(1)} set default_transaction_isolation = '${isolation}'`,
      );
      const store = await openStore(own, () => {});
      try {
        await store.accounts.signIn(signedIn({}));
        const numbers = Array.from({ length: 10 }, (_, index) => index);
        const inserted = await Promise.all(
          numbers.map((n) => {
            const password = newPassword('account-1', { id: `p${n}`, name: `n${n}`, hash: `h${n}` });
            return store.passwords.insert(password, 3, unaudited);
          }),
        );
        assert.equal(inserted.filter(Boolean).length, 3);
        const uses = [1, 2, 3].map((n) => ({ at: n * 1_000, address: `203.0.113.${n}` }));
        await store.apiTokens.insert(
          {
            ...{
              id: 't',
              account_id: null,
              created_by: 'command line',
              name: 't',
              hash: 't',
              pepper_id: 'p',
              hint: 't',
            },
            ...{ scopes_json: '[]', created_at: 1, expires_at: 9_000 },
          },
          unaudited,
        );
        await Promise.all(uses.map((use) => store.apiTokens.recordUse('t', use, 0)));
        assert.equal((await store.apiTokens.byId('t'))?.used_at, 3_000);
      } finally {
        await store.close();
      }
    });
  }

  test('names that a connection does not know, as behind a pooler, are done without', async () => {
    const insert = { text: 'insert into t (n) values ($1)', values: [8] };
    await sql.batch([{ ...insert, values: [9] }]);
    await sql.run('deallocate all');
    assert.equal((await sql.batch([insert, { ...insert, values: [10] }])).length, 2);
    await sql.run('deallocate all');
    assert.deepEqual(await sql.get('select count(*) as count from t where n between 8 and 10'), { count: 3 });
  });

  test('a server that only reads, as after a failover, refuses to store for now', async () => {
    const readOnly = { text: 'set transaction read only', values: [] };
    await assert.rejects(sql.batch([readOnly, { text: 'insert into t (n) values (2)', values: [] }]), isUnavailable);
  });
});
