import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Refusal } from '../../src/errors.ts';
import { openSql } from '../../src/store/open.ts';
import type { Sql } from '../../src/store/sql.ts';
import { skipped } from '../support/parts.ts';
import { findPostgres, type PostgresServer, startPostgres } from '../support/postgres.ts';

describe('a PostgreSQL server in trouble', {
  skip: findPostgres() === null && skipped('not installed: PostgreSQL'),
}, () => {
  let server: PostgresServer;
  let sql: Sql;
  const idle: Error[] = [];
  before(async () => {
    server = await startPostgres();
    sql = await openSql(await server.createDatabase(), (error) => idle.push(error));
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

  test('a server that only reads, as after a failover, refuses to store for now', async () => {
    const readOnly = { text: 'set transaction read only', values: [] };
    await assert.rejects(sql.batch([readOnly, { text: 'insert into t values (2)', values: [] }]), isUnavailable);
  });
});
