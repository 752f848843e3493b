/** Owns the copy of a SQLite database that is of one moment, even while others write. */
import { chmod } from 'node:fs/promises';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { errorCode, errorMessage, Refusal } from '../lib/errors.ts';
import { markCopied } from './installation.ts';
import { unusableFile } from './sqlite-errors.ts';

/** More pages than any database has: all in one step. */
const allPages = 0x7fffffff;

/**
 * Copies the database through SQLite's backup interface; what was committed before the call is in the copy. In steps, a
 * copy begins again with each write of another process, and would never end beside a busy service: it is one step, in
 * which the others go on reading and writing (sqlite.org/wal.html, Concurrency).
 * @param target a file that is not there yet; only this user can read it
 * @param now epoch milliseconds; the copy says that it is one
 * @throws {Refusal} `misconfigured` where the file is missing or damaged
 */
export async function copySqlite(file: string, target: string, now: number): Promise<void> {
  try {
    await backUp(file, target);
    await chmod(target, 0o600);
    checkSqlite(target);
    mark(target, now);
  } catch (error) {
    throw /^SQLITE_(FULL|IOERR)/.test(errorCode(error))
      ? unwritableCopy(file, target, error)
      : unusableFile(file, error);
  }
}

/** Reading alone seldom fails like this: most likely the disk that the copy goes to is full. */
function unwritableCopy(file: string, target: string, cause: unknown): Refusal {
  const message = `The SQLite database ${file} cannot be copied to ${dirname(target)}: ${errorMessage(cause)}. Make room there, or choose another disk.`;
  return new Refusal('misconfigured', message, { cause });
}

async function backUp(file: string, target: string): Promise<void> {
  const source = new Database(file, { fileMustExist: true });
  try {
    await source.backup(target, { progress: () => allPages });
  } finally {
    source.close();
  }
}

/** A database that no start has brought up to date yet has no place for the mark. */
function mark(file: string, now: number): void {
  const database = new Database(file);
  try {
    if (database.prepare(`select 1 from sqlite_schema where name = 'installation'`).get() === undefined) return;
    for (const text of markCopied) database.prepare(text).run({ 1: now });
  } finally {
    database.close();
  }
}

function checkSqlite(file: string): void {
  const database = new Database(file); // not read-only: such a connection leaves its -wal and -shm behind
  try {
    const answer = database.pragma('integrity_check', { simple: true });
    if (answer !== 'ok') throw new Database.SqliteError(String(answer), 'SQLITE_CORRUPT');
  } finally {
    database.close();
  }
}
