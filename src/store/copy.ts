/** Owns the copy of a SQLite database that is of one moment, whoever writes meanwhile. */
import { chmod } from 'node:fs/promises';
import Database from 'better-sqlite3';

/** More pages than any database has: all in one step. */
const allPages = 0x7fffffff;

/**
 * Copies the database through SQLite's backup interface; what was committed before the call is in the copy. In steps, a
 * copy begins anew with each write of another process, and would never end beside a busy service: it is one step, in
 * which the others go on reading and writing (sqlite.org/wal.html, Concurrency).
 * @param target a file that is not there yet; only this user may read it
 * @throws {Error} where the file is missing or the copy is damaged
 */
export async function copySqlite(file: string, target: string): Promise<void> {
  const source = new Database(file, { fileMustExist: true });
  try {
    await source.backup(target, { progress: () => allPages });
  } finally {
    source.close();
  }
  await chmod(target, 0o600);
  checkSqlite(target);
}

function checkSqlite(file: string): void {
  const database = new Database(file); // not read-only: such a connection leaves its -wal and -shm behind
  try {
    const answer = database.pragma('integrity_check', { simple: true });
    if (answer !== 'ok') throw new Error(`${file} is damaged: ${answer}`);
  } finally {
    database.close();
  }
}
