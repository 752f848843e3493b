/** Owns how statements run on PostgreSQL through pg. */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { Refusal } from '../errors.ts';
import {
  appliedMigrations,
  ConstraintError,
  databaseUnavailable,
  type Migration,
  migrationTable,
  recordMigration,
  type Sql,
  type Value,
} from './sql.ts';

/** Milliseconds; a query that takes longer is a fault, not a wait: whoever asks for a token has given up by then. */
const timeouts = { connect: 3_000, statement: 5_000 };
/** Any fixed number: the advisory lock that migrating processes queue for. */
const migrationLock = 0x646f636b;

/**
 * Opens a pool. Nothing is connected until the first statement, so an unreachable server is reported by that; after a
 * restart of the server the pool connects anew.
 * @param onIdleError told of errors on idle connections; without a listener pg would end the process
 */
export function openPostgres(url: string, onIdleError: (error: Error) => void): Sql {
  const options = { connectionString: url, application_name: 'dockpass', types: { getTypeParser } };
  const pool = new pg.Pool({
    ...options,
    max: 10,
    connectionTimeoutMillis: timeouts.connect,
    statement_timeout: timeouts.statement,
    // For a server that does not even say that the time is over.
    query_timeout: timeouts.statement + 1_000,
    keepAlive: true,
  });
  pool.on('error', onIdleError);

  const query = async (text: string, values: readonly Value[] = [], client: pg.Pool | pg.PoolClient = pool) => {
    try {
      return await client.query({ name: nameOf(text), text, values: [...values] });
    } catch (error) {
      throw translateError(error);
    }
  };

  return {
    engine: 'postgres',
    all: async <Row>(text: string, values?: readonly Value[]) => (await query(text, values)).rows as Row[],
    get: async <Row>(text: string, values?: readonly Value[]) => (await query(text, values)).rows[0] as Row | undefined,
    run: async (text, values) => (await query(text, values)).rowCount ?? 0,
    batch: (statements) =>
      withClient(pool, (client) =>
        inTransaction(client, async () => {
          const changed: number[] = [];
          for (const { text, values } of statements) changed.push((await query(text, values, client)).rowCount ?? 0);
          return changed;
        }),
      ),
    transaction: (action) =>
      withClient(pool, (client) =>
        inTransaction(client, () => action(async (text, values) => (await query(text, values, client)).rowCount ?? 0)),
      ),
    migrate: async (migrations) => {
      // Not of the pool: a migration may take its time, and so may the wait for another process's.
      const client = new pg.Client({ ...options, connectionTimeoutMillis: timeouts.connect });
      client.on('error', onIdleError);
      await client.connect();
      try {
        return await inTransaction(client, () => applyMigrations(client, migrations));
      } finally {
        await client.end();
      }
    },
    close: () => pool.end(),
  };
}

/** int8 (oid 20: bigint and count) would be text; every number here is below 2^53. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === pg.types.builtins.INT8) return Number;
  return format === 'binary' ? pg.types.getTypeParser(oid, 'binary') : pg.types.getTypeParser(oid, 'text');
}

const names = new Map<string, string>();

/** A named statement is parsed and planned once a connection; the name must differ by text. */
function nameOf(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = createHash('sha256').update(text).digest('base64url').slice(0, 22);
    names.set(text, name);
  }
  return name;
}

/** Lends a connection of the pool, which drops it where it broke. */
async function withClient<Result>(pool: pg.Pool, action: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    broken = error;
  };
  const client = await pool.connect().catch((error: unknown) => {
    throw translateError(error);
  });
  // The pool listens to idle connections alone; one that breaks between two statements would end the process.
  client.on('error', onError);
  try {
    return await action(client);
  } catch (error) {
    throw translateError(error);
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}

async function inTransaction<Result>(client: pg.ClientBase, action: () => Promise<Result>): Promise<Result> {
  await client.query('begin');
  try {
    const result = await action();
    await client.query('commit');
    return result;
  } catch (error) {
    // A connection that broke has rolled back already.
    await client.query('rollback').catch(() => {});
    throw error;
  }
}

async function applyMigrations(client: pg.ClientBase, migrations: readonly Migration[]): Promise<string[]> {
  await client.query('select pg_advisory_xact_lock($1)', [migrationLock]);
  await client.query(migrationTable);
  const { rows } = await client.query<{ name: string }>(appliedMigrations);
  const applied = new Set(rows.map((row) => row.name));
  const missing = migrations.filter((migration) => !applied.has(migration.name));
  for (const migration of missing) {
    await client.query(migration.text);
    await client.query(recordMigration, [migration.name, Date.now()]);
  }
  return missing.map((migration) => migration.name);
}

/**
 * Classes of PostgreSQL's error codes: 08 connection, 25006 a server that only reads, as after a failover, 40 a conflict
 * with another transaction, 53 no disk, memory or connection left, 57 stopped or out of time, 58 the system under it.
 * Network errors and pg's own time-outs have no such code.
 */
const passing = /^(?:08...|25006|40...|53...|57...|58...)$/;

function translateError(error: unknown): unknown {
  if (error instanceof ConstraintError || error instanceof Refusal) return error;
  if (!(error instanceof pg.DatabaseError)) return databaseUnavailable(error);
  const { code = '', message } = error;
  // Class 23: integrity constraint violation.
  if (code.startsWith('23')) return new ConstraintError(message, { cause: error });
  return passing.test(code) ? databaseUnavailable(error) : error;
}
