/** Owns what the errors of SQLite mean. Its codes can have a suffix that says more: SQLITE_IOERR_WRITE, SQLITE_READONLY_DBMOVED. */
import type { Database } from 'better-sqlite3';
import { errorCode, errorMessage, Refusal } from '../lib/errors.ts';
import { ConstraintError, databaseUnavailable, unstorableValue, type Value } from './sql.ts';

/** Another connection held the lock for longer than the wait. */
export function isBusy(error: unknown): boolean {
  return errorCode(error).startsWith('SQLITE_BUSY');
}

/**
 * The error that the store's callers know. What is the fault of a value: one that is too large for SQLite. Everything else with
 * a code is the database's: it's locked, full, read-only or damaged; so is that it's closed, which has none.
 */
export function translated(error: unknown, database: Pick<Database, 'open'>): unknown {
  if (error instanceof Refusal) return error;
  const code = errorCode(error);
  if (!database.open) return databaseUnavailable(error);
  if (code.startsWith('SQLITE_CONSTRAINT')) return new ConstraintError(errorMessage(error), { cause: error });
  if (/^SQLITE_(TOOBIG|MISMATCH|RANGE)/.test(code)) return unstorableValue(error);
  return code === '' ? error : databaseUnavailable(error);
}

/** SQLite would store infinities, and `null` for what isn't a number. @throws {Refusal} as PostgreSQL's does */
export function refuseNonFinite(values: readonly Value[]): void {
  const found = values.find((value) => typeof value === 'number' && !Number.isFinite(value));
  if (found !== undefined) throw unstorableValue(new RangeError(`${found} isn't a finite number`));
}

/** By the beginning of SQLite's error code: what is wrong with the file, and what to do. */
const named = 'DATABASE_URL or DATA_DIR names it.';
const advice: readonly (readonly [code: RegExp, problem: string, remedy: string])[] = [
  [
    /^SQLITE_NOTADB/,
    'is not a SQLite database',
    'Name another file in DATABASE_URL or DATA_DIR; if this one was a database, restore the last backup.',
  ],
  [
    /^SQLITE_CORRUPT/,
    'is damaged',
    'Stop everything that uses it, keep a copy of it with its -wal and -shm files, and restore the last backup.',
  ],
  [/^(SQLITE_CANTOPEN|$)/, 'cannot be opened', named],
  [
    /^SQLITE_READONLY/,
    'cannot be written',
    'Let the user that Dockpass runs as write the file, its -wal and -shm files and their folder.',
  ],
];

/** What is said where the file can't be used at all. */
export function unusableFile(file: string, cause: unknown): Refusal {
  const [, problem, remedy] = advice.find(([code]) => code.test(errorCode(cause))) ?? ['', 'cannot be used', named];
  const message = `The SQLite database ${file} ${problem}: ${errorMessage(cause)}. ${remedy}`;
  return new Refusal('misconfigured', message, { cause });
}
