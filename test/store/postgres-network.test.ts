import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Refusal } from '../../src/lib/errors.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import type { OpenDatabase } from '../../src/store/sql.ts';
import { type HeldNetwork, startHeldNetwork } from '../support/held-network.ts';
import { skipped } from '../support/parts.ts';
import { findPostgres, type PostgresServer, startPostgres } from '../support/postgres.ts';

describe('a network that delivers late what is sent to PostgreSQL', {
  skip: findPostgres() === null && skipped('not installed: PostgreSQL'),
}, () => {
  let server: PostgresServer;
  let network: HeldNetwork;
  /** Goes past that network. */
  let direct: OpenDatabase;
  /** Goes through it. */
  let sql: OpenDatabase;
  before(async () => {
    server = await startPostgres();
    const url = await server.createDatabase();
    direct = openPostgres(url, () => {});
    await direct.run('create table t (n integer)');
    network = await startHeldNetwork(url);
    sql = openPostgres(network.url, () => {}, 500);
  });
  after(async () => {
    await sql.close();
    await network.stop();
    await direct.close();
    await server.stop();
  });

  const isUnavailable = (error: unknown) => error instanceof Refusal && error.status === 503;

  const late: readonly (readonly [what: string, from: string, send: (text: string) => Promise<unknown>])[] = [
    ['the beginning of a transaction', 'begin', (text) => sql.batch([{ text, values: [] }])],
    ['a statement of a transaction', 'insert', (text) => sql.batch([{ text, values: [] }])],
    ['the end of a transaction', 'commit', (text) => sql.batch([{ text, values: [] }])],
    [
      'a statement of a transaction in steps',
      'insert',
      (text) =>
        sql.atomic(function* () {
          yield { text, values: [] };
        }),
    ],
    ['a statement of a long transaction', 'insert', (text) => sql.transaction((run) => run(text))],
    ['a statement of its own', 'insert', (text) => sql.run(text)],
  ];
  for (const [index, [what, from, send]] of late.entries()) {
    test(`${what} that gets no answer in time takes nothing along that is written later`, async () => {
      await sql.get('select 1'); // makes the connection that the next statement uses
      network.holdFrom(from);
      // A text of its own: one that the connection knows is sent by name.
      await assert.rejects(send(`insert into t values (${100 + index})`), isUnavailable);
      network.deliver();
      await sql.run('insert into t values ($1)', [index]);
      assert.deepEqual(await direct.all('select n from t where n = $1', [index]), [{ n: index }]);
    });
  }
});
