/** Owns the copy of everything that Dockpass keeps on its machine, taken while it runs. */
import { cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { databaseName, lastBackupName } from '../lib/data-folder.ts';
import { sqliteFileOf } from '../lib/database-url.ts';
import { Refusal } from '../lib/errors.ts';
import { copySqlite } from '../store/copy.ts';

export type BackedUp = {
  /** False where the database is PostgreSQL's, which has programs of its own for this. */
  readonly hasDatabase: boolean;
};

/** What a machine makes for itself where the settings give nothing: without these a copy of the database proves and signs nothing. */
export const secretFiles = ['password-pepper', 'session-secret', 'encryption-key'] as const;

/**
 * Copies data folder and SQLite database into a new folder, which is then a data folder itself. It's there whole
 * or not at all.
 * @param databaseUrl `sqlite:PATH` or `postgres://...`
 * @param how whether the secrets are left out, to be kept elsewhere
 * @throws {Refusal} where the target is there already or lies in the data folder
 */
export async function backUp(
  { dataFolder, databaseUrl }: { dataFolder: string; databaseUrl: string },
  folder: string,
  { withoutSecrets }: { readonly withoutSecrets: boolean } = { withoutSecrets: false },
): Promise<BackedUp> {
  const target = resolve(folder);
  if (!relative(dataFolder, target).startsWith('..')) {
    throw new Refusal('bad_request', `${target} lies in the data folder ${dataFolder}: choose a place outside it.`);
  }
  const draft = `${target}.unfinished`;
  await mkdir(draft, { recursive: true, mode: 0o700 });
  try {
    const file = sqliteFileOf(databaseUrl);
    const database = file === null ? null : resolve(file);
    // The database first: a key that is made meanwhile can be there and unused, but never used and missing.
    if (database !== null) await copySqlite(database, join(draft, databaseName), Date.now());
    const left = withoutSecrets ? secretFiles.map((name) => join(dataFolder, name)) : [];
    await copyFiles(dataFolder, draft, database ?? join(dataFolder, databaseName), left);
    await takePlace(draft, target);
    return { hasDatabase: database !== null };
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Keys, secrets and whatever else there is, but for the database's own files: those change under a plain copy. */
async function copyFiles(from: string, to: string, database: string, left: readonly string[]): Promise<void> {
  const own = new Set([...['', '-wal', '-shm', '-journal'].map((ending) => database + ending), ...left]);
  await cp(from, to, { recursive: true, filter: (source) => !own.has(source), preserveTimestamps: true });
}

/** In one step; a folder that holds something is never replaced (POSIX rename). */
async function takePlace(draft: string, target: string): Promise<void> {
  await rename(draft, target).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOTEMPTY' && cause.code !== 'EEXIST' && cause.code !== 'ENOTDIR') throw cause;
    throw new Refusal('conflict', `${target} is there already: name a new folder.`, { cause });
  });
}

/** In the order of time when sorted. */
export function backupName(now: Date): string {
  return `dockpass-${now.toISOString().slice(0, 19).replaceAll(':', '-')}Z`;
}

const backupForm = /^dockpass-\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z(\.unfinished)?$/;

/**
 * Deletes all backups in the folder but the newest, and what a backup that was killed has left. Anything else stays.
 * @returns what was deleted
 */
export async function removeOldBackups(folder: string, keep: number): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => backupForm.test(name)).sort();
  const whole = names.filter((name) => !name.endsWith('.unfinished'));
  const newest = new Set(whole.slice(-keep));
  const old = names.filter((name) => !newest.has(name));
  for (const name of old) await rm(join(folder, name), { recursive: true, force: true });
  return old;
}

/** Writes down when, for the metrics: a backup that fails shows as one that grows old. */
export function recordBackup(dataFolder: string): Promise<void> {
  return writeFile(join(dataFolder, lastBackupName), `${new Date().toISOString()}\n`);
}
