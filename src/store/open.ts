/** Owns the way from a database URL to a migrated store. */
import { readdir, readFile } from 'node:fs/promises';
import { sqliteFileOf } from '../lib/database-url.ts';
import type { Migration, OpenDatabase } from './sql.ts';
import { createStore, type Store } from './store.ts';

const migrationFolder = new URL('../../migrations/', import.meta.url);

/**
 * Opens the database without touching its schema.
 * @param url `sqlite:PATH` or `postgres://...`
 * @param onIdleError is called when an idle PostgreSQL connection breaks
 */
export async function openSql(url: string, onIdleError: (error: Error) => void): Promise<OpenDatabase> {
  // Only the driver that is needed: the other one would cost every start 10 MB.
  const file = sqliteFileOf(url);
  if (file !== null) return (await import('./sqlite.ts')).openSqlite(file);
  return (await import('./postgres.ts')).openPostgres(url, onIdleError);
}

/** Opens the database and brings its schema up to date; processes that start together wait for each other. */
export async function openStore(url: string, onIdleError: (error: Error) => void): Promise<Store> {
  const sql = await openSql(url, onIdleError);
  try {
    await sql.migrate(await readMigrations());
    return createStore(sql);
  } catch (error) {
    await sql.close();
    throw error;
  }
}

/** Brings the schema up to date. @returns the names of the migrations that were applied */
export async function migrateDatabase(url: string): Promise<string[]> {
  const sql = await openSql(url, () => {});
  try {
    return await sql.migrate(await readMigrations());
  } finally {
    await sql.close();
  }
}

/** The files of `migrations/` in the order of their numbers. */
export async function readMigrations(): Promise<Migration[]> {
  const files = (await readdir(migrationFolder)).filter((file) => file.endsWith('.sql')).sort();
  return Promise.all(
    files.map(async (file) => ({
      name: file.slice(0, -'.sql'.length),
      text: await readFile(new URL(file, migrationFolder), 'utf8'),
    })),
  );
}
