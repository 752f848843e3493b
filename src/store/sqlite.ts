/** Owns how statements run on SQLite through better-sqlite3. */
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { Refusal } from '../lib/errors.ts';
import { createGroupCommit } from './group-commit.ts';
import { createGroupRead } from './group-read.ts';
import {
  appliedMigrations,
  type Migration,
  migrationTable,
  migrationTableName,
  missingMigrations,
  type OpenDatabase,
  recordMigration,
  type Value,
} from './sql.ts';
import { isBusy, refuseNonFinite, translated, unusableFile } from './sqlite-errors.ts';
import { refuseNetworkFileSystem } from './sqlite-place.ts';

/** Milliseconds that SQLite waits for another program's lock: while the database is opened and migrated, no request waits. */
const openingWait = 10_000;
/** Milliseconds between two tries of what SQLite doesn't always wait for itself. */
const pause = 20;
/** While it serves, every request waits behind a write that waits. Dockpass's own processes hold the lock for a few milliseconds. */
const servingWait = 1_000;

/**
 * Opens (and creates) the database file.
 * WAL lets readers go on while one writes; `synchronous = FULL` makes an answered revocation survive a power cut.
 */
export async function openSqlite(file: string): Promise<OpenDatabase> {
  refuseNetworkFileSystem(file);
  const database = await open(file);
  const statements = createStatements(database);
  const writes = createGroupCommit(database);
  const reads = createGroupRead(database);
  const isWrite = (text: string): boolean => translateErrors(database, () => statements.writes(text));
  return {
    engine: 'sqlite',
    all: async <Row>(text: string, values: readonly Value[] = []) =>
      isWrite(text)
        ? writes.add(() => statements.all<Row>(text, values))
        : translateErrors(database, () => statements.all<Row>(text, values)),
    get: async <Row>(text: string, values: readonly Value[] = []) =>
      isWrite(text)
        ? writes.add(() => statements.get<Row>(text, values))
        : reads.add(() => statements.get<Row>(text, values)),
    run: (text, values) => writes.add(() => statements.run(text, values)),
    batch: (batch) => writes.add(() => batch.map(({ text, values }) => statements.run(text, values))),
    atomic: (steps) =>
      writes.add(() => {
        const running = steps();
        let step = running.next();
        while (!step.done) step = running.next(statements.run(step.value.text, step.value.values));
        return step.value;
      }),
    async transaction(action) {
      translateErrors(database, () => database.exec('begin immediate'));
      try {
        const result = await action(async (text, values) =>
          translateErrors(database, () => statements.run(text, values)),
        );
        database.exec('commit');
        return result;
      } catch (error) {
        if (database.inTransaction) database.exec('rollback');
        throw error;
      }
    },
    async migrate(migrations) {
      try {
        const applied = database.transaction(() => applyMigrations(database, migrations)).immediate();
        tryToWrite(database);
        database.pragma(`busy_timeout = ${servingWait}`);
        return applied;
      } catch (error) {
        if (isBusy(error)) throw lockedByAnother(file, error);
        throw error instanceof Refusal ? error : unusableFile(file, error);
      }
    },
    async check() {
      translateErrors(database, () => tryToWrite(database));
      return null;
    },
    close: async () => {
      writes.commit();
      reads.answer();
      database.close();
    },
  };
}

type Statements = {
  /** Also where it answers with rows (`returning`). */
  writes(text: string): boolean;
  all<Row>(text: string, values: readonly Value[]): Row[];
  /** The first row. */
  get<Row>(text: string, values: readonly Value[]): Row | undefined;
  /** The number of rows that changed. */
  run(text: string, values?: readonly Value[]): number;
};

type Prepared = {
  readonly statement: Database.Statement;
  readonly bind: (values: readonly Value[]) => readonly Value[] | Record<number, Value>;
};

/** Each is prepared once. */
function createStatements(database: Database.Database): Statements {
  const prepared = new Map<string, Prepared>();
  const prepare = (text: string): Prepared => {
    const known = prepared.get(text);
    if (known !== undefined) return known;
    const placed = withPlaces(text);
    const made: Prepared =
      placed === null
        ? { statement: database.prepare(text), bind }
        : { statement: database.prepare(placed), bind: bindInOrder };
    prepared.set(text, made);
    return made;
  };
  return {
    writes: (text) => !prepare(text).statement.readonly,
    // The casts to Row are the seam's promise; test/store/row-types.test.ts checks it for every statement.
    all<Row>(text: string, values: readonly Value[]) {
      const { statement, bind: bound } = prepare(text);
      return statement.all(bound(values)) as Row[];
    },
    get<Row>(text: string, values: readonly Value[]) {
      const { statement, bind: bound } = prepare(text);
      return statement.get(bound(values)) as Row | undefined; // as in `all`
    },
    run(text, values = []) {
      const { statement, bind: bound } = prepare(text);
      return statement.run(bound(values)).changes;
    },
  };
}

/** With `?` for `$1`, `$2` ... where each comes once and in order: by place, values are bound in half the time. Else `null`. */
function withPlaces(text: string): string | null {
  let count = 0;
  let isInOrder = true;
  const placed = text.replaceAll(/\$(\d+)/g, (_, number: string) => {
    count += 1;
    isInOrder &&= Number(number) === count;
    return '?';
  });
  return isInOrder ? placed : null;
}

/** @throws {Refusal} `misconfigured`, when there can be no database at that place */
async function open(file: string): Promise<Database.Database> {
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { timeout: 0 });
    await useWriteAheadLog(database);
    database.pragma(`busy_timeout = ${openingWait}`);
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    return database;
  } catch (cause) {
    database?.close();
    throw isBusy(cause) ? lockedByAnother(file, cause) : unusableFile(file, cause);
  }
}

function translateErrors<Result>(database: Database.Database, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw translated(error, database);
  }
}

/**
 * Changes nothing, and fails where nothing can be written: a transaction alone doesn't, as SQLite begins one that only
 * reads on such a file.
 */
function tryToWrite(database: Database.Database): void {
  try {
    database.prepare(`delete from ${migrationTableName} where false`).run();
  } catch (error) {
    if (!isBusy(error)) throw error;
  }
}

function lockedByAnother(file: string, cause: unknown): Refusal {
  const message = `The SQLite database ${file} cannot be used: another program has held its lock for ${openingWait / 1000} seconds. If it's another Dockpass that is migrating the database, wait. Otherwise stop the program: "fuser ${file}" says which have the file open.`;
  return new Refusal('misconfigured', message, { cause });
}

function bindInOrder(values: readonly Value[]): readonly Value[] {
  refuseNonFinite(values);
  return values;
}

/** SQLite names a parameter `$1` by what follows the `$`, so positions become the keys of an object. */
function bind(values: readonly Value[]): Record<number, Value> {
  refuseNonFinite(values);
  const named: Record<number, Value> = {};
  for (const [index, value] of values.entries()) named[index + 1] = value;
  return named;
}

/** Changing the journal mode does not wait for other processes (sqlite.org/wal.html), so a racing start tries again. */
async function useWriteAheadLog(database: Database.Database): Promise<void> {
  const deadline = Date.now() + openingWait;
  for (;;) {
    try {
      database.pragma('journal_mode = WAL');
      return;
    } catch (error) {
      if (!isBusy(error) || Date.now() > deadline) throw error;
    }
    await sleep(pause);
  }
}

/** PostgreSQL's words for comparing texts byte by byte, as SQLite always does. */
const byteOrder = ' collate "C"';

function applyMigrations(database: Database.Database, migrations: readonly Migration[]): string[] {
  database.exec(migrationTable);
  const applied = database.prepare<[], string>(appliedMigrations).pluck().all();
  const missing = missingMigrations(migrations, applied);
  for (const migration of missing) {
    database.exec(migration.text.replaceAll(byteOrder, ''));
    database.prepare(recordMigration).run(bind([migration.name, Date.now()]));
  }
  return missing.map((migration) => migration.name);
}
