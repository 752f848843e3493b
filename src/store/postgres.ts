/** Owns how statements run on PostgreSQL through pg. */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { errorCode, errorMessage, Refusal } from '../lib/errors.ts';
import { locks } from './locks.ts';
import { translateError } from './postgres-errors.ts';
import { onPrimary, readClock, refuseEncoding, refuseStandby } from './postgres-server.ts';
import {
  appliedMigrations,
  type Migration,
  migrationTable,
  missingMigrations,
  type OpenDatabase,
  recordMigration,
  type Value,
} from './sql.ts';

/** Milliseconds; a query that takes longer is a fault, not a wait: a client that asks for a token has given up by then. */
const timeouts = {
  connect: 5_000,
  statement: 5_000,
  /** For a server that does not even say that the time is over. */
  answer: 6_000,
};
/** Milliseconds that a statement waits for one of the connections, which all of a crowd share. */
const longestWait = 10_000;
/**
 * What PostgreSQL ends so that something else can be done. 40P01, a deadlock: the migration of a new version and the logins
 * of an old one can wait for each other. 40001: another changed the row first, where the database's default for a statement
 * of its own is another isolation than `begin` has.
 */
const ended: ReadonlySet<string> = new Set(['40P01', '40001']);
const maximumTries = 5;

/**
 * Opens a pool. Nothing is connected until the first statement, so an unreachable server is reported by that; after a
 * restart of the server the pool reconnects.
 * @param onIdleError gets errors on idle connections; without a listener pg would end the process
 * @param answerTimeout milliseconds
 */
export function openPostgres(
  url: string,
  onIdleError: (error: Error) => void,
  answerTimeout = timeouts.answer,
): OpenDatabase {
  const options = { connectionString: url, application_name: 'dockpass', types: { getTypeParser } };
  const pool = new pg.Pool({
    ...options,
    max: 10,
    Client,
    onConnect: refuseStandby,
    connectionTimeoutMillis: longestWait,
    statement_timeout: timeouts.statement,
    query_timeout: answerTimeout,
    keepAlive: true,
  });
  pool.on('error', onIdleError);
  const prepared = createPreparing();

  return {
    engine: 'postgres',
    // The casts to Row are the seam's promise; test/store/row-types.test.ts checks it for every statement.
    all: async <Row>(text: string, values?: readonly Value[]) =>
      (await prepared((name) => query(pool, name, onPrimary(text), values))).rows as Row[],
    get: async <Row>(text: string, values?: readonly Value[]) =>
      (await prepared((name) => query(pool, name, onPrimary(text), values))).rows[0] as Row | undefined, // as in `all`
    run: async (text, values) => (await prepared((name) => query(pool, name, text, values))).rowCount ?? 0,
    batch: (statements) =>
      prepared((name) =>
        withTransaction(pool, async (send) => {
          const changed: number[] = [];
          for (const { text, values } of statements) changed.push((await send(name, text, values)).rowCount ?? 0);
          return changed;
        }),
      ),
    atomic: (steps) =>
      prepared((name) =>
        withTransaction(pool, async (send) => {
          const running = steps();
          let step = running.next();
          while (!step.done) {
            const { text, values } = step.value;
            step = running.next((await send(name, text, values)).rowCount ?? 0);
          }
          return step.value;
        }),
      ),
    transaction: (action) =>
      withTransaction(pool, (send) =>
        // Statements of one use.
        action((text, values) =>
          send(unnamed, text, values).then(
            ({ rowCount }) => rowCount ?? 0,
            (error: unknown) => {
              throw translateError(error);
            },
          ),
        ),
      ),
    migrate: (migrations) => migrate(new Client(options), migrations, onIdleError),
    check: () => prepared(() => readClock(pool)),
    close: () => pool.end(),
  };
}

/** The pool has one time-out for a connection to be made and for one to become free; making it has its own. */
class Client extends pg.Client {
  constructor(options: pg.ClientConfig = {}) {
    super({ ...options, connectionTimeoutMillis: timeouts.connect });
  }
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

type Naming = (text: string) => string | undefined;
const unnamed: Naming = () => undefined;

async function query(
  client: pg.Pool | pg.ClientBase,
  name: Naming,
  text: string,
  values: readonly Value[] = [],
): Promise<pg.QueryResult> {
  return client.query({ name: name(text), text, values: [...values] });
}

/**
 * Prepares statements by name, and repeats without names what fails for that reason alone, before it did anything:
 * after another version's migration (0A000, the plan returns other columns), and behind a pooler that gives each
 * transaction another connection (26000, 42P05: the name is unknown or taken there), where it names no more.
 */
function createPreparing(): <Result>(action: (name: Naming) => Promise<Result>) => Promise<Result> {
  let name: Naming = nameOf;
  return async (action) => {
    try {
      return await untilDone(() => action(name));
    } catch (error) {
      if (!isStale(error)) throw translateError(error);
      if (error.code !== '0A000') name = unnamed;
      return untilDone(() => action(unnamed)).catch((again: unknown) => {
        throw translateError(again);
      });
    }
  };
}

/**
 * Tries again what PostgreSQL ended for another's sake.
 * @param action one statement or one transaction, so that nothing is half done
 */
async function untilDone<Result>(action: () => Promise<Result>, tries = 1): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    if (!ended.has(errorCode(error)) || tries === maximumTries) throw error;
    return untilDone(action, tries + 1);
  }
}

function isStale(error: unknown): error is pg.DatabaseError {
  if (!(error instanceof pg.DatabaseError)) return false;
  const { code = '', message } = error;
  return code === '26000' || code === '42P05' || (code === '0A000' && message.includes('cached plan'));
}

type Send = (name: Naming, text: string, values?: readonly Value[]) => Promise<pg.QueryResult>;

/** A connection, and whether it still does what it's asked. */
type Connection = { readonly send: Send; isLost: boolean };

/**
 * After an error that isn't PostgreSQL's (it broke, or there was no answer in time), no one knows what the server does there: a
 * transaction can still be open, and would take in, and roll back, what others write.
 */
function follow(client: pg.ClientBase): Connection {
  const connection: Connection = {
    send: (...statement) =>
      query(client, ...statement).catch((error: unknown) => {
        connection.isLost ||= !(error instanceof pg.DatabaseError);
        throw error;
      }),
    isLost: false,
  };
  return connection;
}

/** A transaction on a connection of the pool, which drops it where it's lost or holds a plan that is out of date. */
async function withTransaction<Result>(pool: pg.Pool, action: (send: Send) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  const connection = follow(client);
  const onError = (): void => {
    connection.isLost = true;
  };
  // The pool listens to idle connections alone; one that breaks between two statements would end the process.
  client.on('error', onError);
  try {
    return await inTransaction(connection, () => action(connection.send));
  } catch (error) {
    connection.isLost ||= isStale(error);
    throw error;
  } finally {
    client.off('error', onError);
    client.release(connection.isLost);
  }
}

/**
 * Whatever the database's default is: a step has to see what was committed while the one before it waited for a lock, or
 * limits and names would be counted without the others.
 */
const begin = 'begin isolation level read committed';

async function inTransaction<Result>(connection: Connection, action: () => Promise<Result>): Promise<Result> {
  await connection.send(unnamed, begin);
  try {
    const result = await action();
    await connection.send(unnamed, 'commit');
    return result;
  } catch (error) {
    // One that is lost is closed, which rolls back as well; it would only wait for the answer once more.
    if (!connection.isLost) {
      await connection.send(unnamed, 'rollback').catch(() => {
        connection.isLost = true;
      });
    }
    throw error;
  }
}

/** @param client not of the pool: a migration can take long, and so can the wait for another process's */
async function migrate(
  client: pg.Client,
  migrations: readonly Migration[],
  onError: (error: Error) => void,
): Promise<string[]> {
  client.on('error', onError);
  try {
    await client.connect();
    await refuseStandby(client);
    await refuseEncoding(client);
    return await untilDone(() => inTransaction(follow(client), () => applyMigrations(client, migrations)));
  } catch (error) {
    throw error instanceof Refusal ? error : unusable(client, error);
  } finally {
    await client.end();
  }
}

/** What is most often wrong at the first start, by PostgreSQL's error code. */
const advice: Readonly<Record<string, string>> = {
  '28000': 'The server does not let this user in: see its pg_hba.conf.',
  '28P01': 'The password is wrong. In DATABASE_URL characters such as @ / # are written %40 %2F %23.',
  '3D000': 'Create the database first.',
  '25006': 'Give DATABASE_URL the primary server, and see that default_transaction_read_only is off there.',
  '42501': 'The user of DATABASE_URL must be allowed to make tables there, and own those that are there.',
};

function unusable({ host, database }: pg.Client, cause: unknown): Refusal {
  const what = advice[errorCode(cause)] ?? 'DATABASE_URL names it.';
  const place = `The PostgreSQL database ${database} on ${host}`;
  return new Refusal('misconfigured', `${place} cannot be used: ${errorMessage(cause)}. ${what}`, { cause });
}

async function applyMigrations(client: pg.ClientBase, migrations: readonly Migration[]): Promise<string[]> {
  await client.query('select pg_advisory_xact_lock($1)', [locks.migration]);
  await client.query(migrationTable);
  const { rows } = await client.query<{ name: string }>(appliedMigrations);
  const missing = missingMigrations(
    migrations,
    rows.map(({ name }) => name),
  );
  for (const migration of missing) {
    await client.query(migration.text);
    await client.query(recordMigration, [migration.name, Date.now()]);
  }
  return missing.map((migration) => migration.name);
}
