/** Owns how statements run on SQLite through better-sqlite3. */
import Database from 'better-sqlite3';
import { Refusal } from '../errors.ts';
import { createLockWait, isBusy, type LockWait, openingWait } from './lock-wait.ts';
import { createRowMemory } from './row-memory.ts';
import {
  appliedMigrations,
  ConstraintError,
  databaseUnavailable,
  type Migration,
  migrationTable,
  missingMigrations,
  recordMigration,
  type Sql,
  type Value,
} from './sql.ts';

/**
 * Opens (and creates) the database file.
 * WAL lets readers go on while one writes; `synchronous = FULL` makes an answered revocation survive a power cut.
 */
export function openSqlite(file: string): Sql {
  const database = open(file);
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');

  const prepared = new Map<string, Database.Statement>();
  const prepare = (text: string): Database.Statement => {
    let statement = prepared.get(text);
    if (statement === undefined) {
      statement = database.prepare(text);
      prepared.set(text, statement);
    }
    return statement;
  };
  const memory = createRowMemory(database);
  const lockWait = createLockWait(database);
  const run = (text: string, values: readonly Value[] = []): number => {
    memory.forget();
    return prepare(text).run(bind(values)).changes;
  };
  const writes = createGroupCommit(database, lockWait);
  const lookUp = (text: string, values: readonly Value[]): unknown => {
    const statement = prepare(text);
    const read = () => statement.get(bind(values));
    const [key] = values;
    if (!statement.readonly) memory.forget();
    else if (typeof key === 'string' && values.length === 1) return memory.recall(text, key, read);
    return read();
  };
  const translateErrors = <Result>(action: () => Result): Result => {
    try {
      return action();
    } catch (error) {
      lockWait.onError(error);
      throw translated(error);
    }
  };

  return {
    engine: 'sqlite',
    all: async <Row>(text: string, values: readonly Value[] = []) =>
      translateErrors(() => {
        const statement = prepare(text);
        if (!statement.readonly) memory.forget();
        return statement.all(bind(values)) as Row[];
      }),
    get: async <Row>(text: string, values: readonly Value[] = []) =>
      translateErrors(() => lookUp(text, values) as Row | undefined),
    run: (text, values) => writes.add(() => run(text, values)),
    batch: (statements) => writes.add(() => statements.map(({ text, values }) => run(text, values))),
    async transaction(action) {
      database.exec('begin immediate');
      try {
        const result = await action(async (text, values) => translateErrors(() => run(text, values)));
        database.exec('commit');
        return result;
      } catch (error) {
        if (database.inTransaction) database.exec('rollback');
        memory.forget();
        throw error;
      }
    },
    async migrate(migrations) {
      const applied = database.transaction(() => applyMigrations(database, migrations)).immediate();
      lockWait.serve();
      return applied;
    },
    close: async () => {
      writes.commit();
      database.close();
    },
  };
}

/** @throws {Refusal} `misconfigured`, when there can be no database at that place */
function open(file: string): Database.Database {
  try {
    const database = new Database(file, { timeout: openingWait });
    useWriteAheadLog(database);
    return database;
  } catch (cause) {
    const message = `The SQLite database ${file} cannot be opened: ${(cause as Error).message}. DATABASE_URL or DATA_DIR names it.`;
    throw new Refusal('misconfigured', message, { cause });
  }
}

/** SQLite names a parameter `$1` by what follows the `$`, so positions become the keys of an object. */
function bind(values: readonly Value[]): Record<number, Value> {
  const named: Record<number, Value> = {};
  for (let index = 0; index < values.length; index++) named[index + 1] = values[index] as Value;
  return named;
}

/** Changing the journal mode does not wait for other processes (sqlite.org/wal.html), so a racing start tries again. */
function useWriteAheadLog(database: Database.Database): void {
  const deadline = Date.now() + openingWait;
  for (;;) {
    try {
      database.pragma('journal_mode = WAL');
      return;
    } catch (error) {
      if (!isBusy(error) || Date.now() > deadline) throw error;
    }
  }
}

type GroupCommit = {
  /** Resolves once it is on the disk. @throws what `translated` makes of an error; then nothing of it is stored */
  add<Result>(write: () => Result): Promise<Result>;
  /** Commits now what waits. */
  commit(): void;
};
type Write = { readonly run: () => unknown; resolve(result: unknown): void; reject(error: unknown): void };

/** Writes of one commit: so many take a few milliseconds, in which nothing else happens. */
const longestGroup = 200;

/**
 * Commits together what is asked for in one turn of the event loop. Each commit waits for the disk, and everybody with
 * it: two thousand sign-ins at the same time are a few hundred waits instead of ten thousand.
 */
function createGroupCommit(database: Database.Database, lockWait: LockWait): GroupCommit {
  let waiting: Write[] = [];
  /** Within another one it is a savepoint: a write that fails takes no other with it. */
  const whole = database.transaction((write: () => unknown) => write());
  const runAll = database.transaction((writes: readonly Write[]) =>
    writes.map(({ run, resolve, reject }) => {
      try {
        const result = whole(run);
        return () => resolve(result);
      } catch (error) {
        // A full disk, for one, undoes the whole transaction.
        if (!database.inTransaction) throw error;
        return () => reject(translated(error));
      }
    }),
  );
  const commit = (): void => {
    const writes = waiting.slice(0, longestGroup);
    waiting = waiting.slice(longestGroup);
    if (waiting.length > 0) setImmediate(commit);
    if (writes.length === 0) return;
    try {
      const settled = runAll.immediate(writes);
      lockWait.onStored();
      for (const settle of settled) settle();
    } catch (error) {
      lockWait.onError(error);
      for (const { reject } of writes) reject(translated(error));
    }
  };
  return {
    add: <Result>(run: () => Result) =>
      new Promise<Result>((resolve, reject) => {
        if (waiting.length === 0) setImmediate(commit);
        waiting.push({ run, resolve: resolve as Write['resolve'], reject });
      }),
    commit() {
      while (waiting.length > 0) commit();
    },
  };
}

function applyMigrations(database: Database.Database, migrations: readonly Migration[]): string[] {
  database.exec(migrationTable);
  const missing = missingMigrations(migrations, database.prepare(appliedMigrations).pluck().all() as string[]);
  for (const migration of missing) {
    database.exec(migration.text);
    database.prepare(recordMigration).run(bind([migration.name, Date.now()]));
  }
  return missing.map((migration) => migration.name);
}

function translated(error: unknown): unknown {
  const code = (error as { code?: string }).code ?? '';
  if (code.startsWith('SQLITE_CONSTRAINT')) return new ConstraintError((error as Error).message, { cause: error });
  // Its codes have a suffix that says more: SQLITE_IOERR_WRITE, SQLITE_READONLY_DBMOVED.
  return /^SQLITE_(BUSY|FULL|IOERR|READONLY|CANTOPEN|LOCKED)/.test(code) ? databaseUnavailable(error) : error;
}
