/** Owns how statements run on PostgreSQL through pg. */
import { createHash } from 'node:crypto';
import pg from 'pg';
import {
  appliedMigrations,
  ConstraintError,
  type Migration,
  migrationTable,
  recordMigration,
  type Sql,
  type Value,
} from './sql.ts';

/** Milliseconds; a query that takes longer is a fault, not a wait. */
const timeouts = { connect: 5_000, statement: 10_000 };
/** Any fixed number: the advisory lock that migrating processes queue for. */
const migrationLock = 0x646f636b;

/**
 * Opens a pool. Nothing is connected until the first statement, so an unreachable server is reported by that.
 * @param onIdleError told of errors on idle connections; without a listener pg would end the process
 */
export function openPostgres(url: string, onIdleError: (error: Error) => void): Sql {
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: timeouts.connect,
    statement_timeout: timeouts.statement,
    query_timeout: timeouts.statement + 1_000,
    application_name: 'dockpass',
    types: { getTypeParser },
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
      inTransaction(pool, async (client) => {
        const changed: number[] = [];
        for (const { text, values } of statements) changed.push((await query(text, values, client)).rowCount ?? 0);
        return changed;
      }),
    migrate: (migrations) => inTransaction(pool, (client) => applyMigrations(client, migrations)),
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

async function inTransaction<Result>(
  pool: pg.Pool,
  action: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await action(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((rollbackError: Error) => {
      broken = rollbackError;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

async function applyMigrations(client: pg.PoolClient, migrations: readonly Migration[]): Promise<string[]> {
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

/** Class 23 of PostgreSQL's error codes: integrity constraint violation. */
function translateError(error: unknown): unknown {
  const { code } = error as { code?: string };
  return code?.startsWith('23') ? new ConstraintError((error as Error).message, { cause: error }) : error;
}
