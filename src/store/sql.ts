/** Owns the seam between the statements and the two engines that run them. */
import { Refusal, RejectedData } from '../lib/errors.ts';

export type Value = string | number | null;

/** SQL in the common subset of SQLite and PostgreSQL, with `$1`, `$2` ... for its values. */
export type Statement = { readonly text: string; readonly values: readonly Value[] };

export type Steps<Result> = Generator<Statement, Result, number>;

/** What the stores use. Each call is one atomic statement or, for `batch` and `atomic`, one transaction. */
export interface Sql {
  readonly engine: 'sqlite' | 'postgres';
  all<Row>(text: string, values?: readonly Value[]): Promise<Row[]>;
  /** The first row, or `undefined`. */
  get<Row>(text: string, values?: readonly Value[]): Promise<Row | undefined>;
  /** The number of rows that the statement changed. */
  run(text: string, values?: readonly Value[]): Promise<number>;
  /** Runs all statements in one transaction, or none; returns the rows that each changed. */
  batch(statements: readonly Statement[]): Promise<number[]>;
  /**
   * Runs what the generator yields, one statement after another, in one transaction, or none of it; each `yield` gives
   * the number of rows that its statement changed.
   * @param steps is called again where nothing was done: a prepared statement was out of date, or there was a deadlock
   */
  atomic<Result>(steps: () => Steps<Result>): Promise<Result>;
}

/** Implemented by sqlite and postgres. The opener of a database has all of it; a store gets only `Sql`. */
export interface OpenDatabase extends Sql {
  /**
   * One transaction around `action`. For a command that has the database to itself: the service waits for nothing while
   * it holds one.
   */
  transaction<Result>(action: (run: Sql['run']) => Promise<Result>): Promise<Result>;
  /**
   * Applies each migration that is not yet recorded, in order, while no other process can do the same.
   * @throws {Refusal} `misconfigured` where the database can't be reached, or a newer version has changed it incompatibly
   */
  migrate(migrations: readonly Migration[]): Promise<string[]>;
  /**
   * Rejects where the database doesn't answer or can't be written.
   * @returns its clock in epoch milliseconds; `null` where that is ours
   */
  check(): Promise<number | null>;
  close(): Promise<void>;
}

/**
 * A text as both engines keep it: PostgreSQL has neither NUL nor halves of a character, and one row that cannot be stored
 * would hold up all that are written with it.
 */
export function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed();
}

/** One file of `migrations/`: its name without `.sql`, and its text. */
export type Migration = { readonly name: string; readonly text: string };

/** Where `migrate` keeps its records, and what both engines run to make it, to add to it and to read it. */
export const migrationTableName = 'schema_migration';
export const migrationTable = `create table if not exists ${migrationTableName} (name text primary key, applied_at bigint not null)`;
export const recordMigration = `insert into ${migrationTableName} (name, applied_at) values ($1, $2)`;
export const appliedMigrations = `select name from ${migrationTableName} order by name`;

/** How the name of a migration ends after which an older version must not run: one that takes away or gives new meaning. */
const incompatible = /_incompatible$/;

/**
 * What is left to apply, in order. Migrations of a newer version are no obstacle: migrations only add, so this version
 * runs beside a newer one and after a rollback. Only one that is marked as incompatible is.
 * @throws {Refusal} `misconfigured`
 */
export function missingMigrations(migrations: readonly Migration[], applied: readonly string[]): Migration[] {
  const known = new Set(migrations.map(({ name }) => name));
  const breaking = applied.filter((name) => !known.has(name) && incompatible.test(name));
  if (breaking.length > 0) {
    throw new Refusal(
      'misconfigured',
      `A newer Dockpass has changed the database in a way that this version can't work with (${breaking.join(', ')}). Start that version or a newer one, or restore the backup from before the upgrade.`,
    );
  }
  return migrations.filter(({ name }) => !applied.includes(name));
}

/** A row would repeat a value that must be unique, or point to a row that is not there. */
export class ConstraintError extends RejectedData {
  override readonly name = 'ConstraintError';
}

/** Seconds; a database that restarts is back by then. */
const retryAfter = 5;

/** A value that the database can't keep, such as one that is out of range: its sender made a mistake. */
export function unstorableValue(cause: unknown): Refusal {
  const help =
    'The request holds a value that cannot be stored, such as NUL or a number out of range. Send it without.';
  return new Refusal('bad_request', help, { cause: new RejectedData(help, { cause }) });
}

/** What is thrown where the database is away, too slow, full or read-only: nothing was found out, nothing stored. */
export function databaseUnavailable(cause: unknown): Refusal {
  return new Refusal(
    'unavailable',
    'The database cannot be used right now. Try again in a few seconds; the reason is in the log of Dockpass.',
    { cause, retryAfter },
  );
}
