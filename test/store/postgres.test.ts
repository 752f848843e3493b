import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Refusal } from '../../src/lib/errors.ts';
import { openSql } from '../../src/store/open.ts';
import { ConstraintError, type Sql } from '../../src/store/sql.ts';
import { skipped } from '../support/parts.ts';
import { findPostgres, type PostgresServer, startPostgres } from '../support/postgres.ts';

describe('a PostgreSQL server in trouble', {
  skip: findPostgres() === null && skipped('not installed: PostgreSQL'),
}, () => {
  let server: PostgresServer;
  let url: string;
  let sql: Sql;
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

  test('a mistake in a statement is no outage', async () => {
    await assert.rejects(sql.get('select nothing from nowhere'), (error) => !(error instanceof Refusal));
    await assert.rejects(sql.batch([{ text: 'selekt', values: [] }]), (error) => !(error instanceof Refusal));
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
