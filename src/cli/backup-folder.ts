/** Owns the copy of everything that Dockpass keeps on its machine, taken while it runs. */
import { cp, lstat, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { databaseName, lastBackupName, secretNames } from '../lib/data-folder.ts';
import { sqliteFileOf } from '../lib/database-url.ts';
import { errorCode, errorMessage, Refusal } from '../lib/errors.ts';
import { makeFolders } from '../lib/folders.ts';
import { isRunning } from '../lib/is-running.ts';
import { day } from '../lib/time.ts';
import { copySqlite } from '../store/copy.ts';

export type BackupOptions = {
  /** Leaves the secrets out, for operators who store them elsewhere. */
  readonly withoutSecrets: boolean;
  /** Told what is done next. */
  readonly onStep: (step: string) => void;
};

export type BackedUp = {
  /** False where the database is PostgreSQL's, which has programs of its own for this. */
  readonly hasDatabase: boolean;
  /** Paths in the data folder of what can't be copied: sockets, pipes, devices. */
  readonly skipped: readonly string[];
};

/**
 * Copies data folder and SQLite database into a new folder, which is then a data folder itself. It's there whole
 * or not at all.
 * @param databaseUrl `sqlite:PATH` or `postgres://...`
 * @throws {Refusal} where the target is there already or lies in the data folder
 */
export async function backUp(
  { dataFolder, databaseUrl }: { dataFolder: string; databaseUrl: string },
  folder: string,
  { withoutSecrets, onStep }: BackupOptions,
): Promise<BackedUp> {
  const target = resolve(folder);
  const from = await realPath(dataFolder);
  if (isWithin(from, await realPath(target))) {
    throw new Refusal('bad_request', `${target} lies in the data folder ${dataFolder}: choose a place outside it.`);
  }
  const draft = `${target}${draftMark}${ownName}`;
  await removeLeftovers(dirname(target), (name) => name.startsWith(basename(target) + draftMark));
  await makeFolders(draft, 0o700).catch((cause: unknown) => {
    throw unmakeable(target, cause);
  });
  try {
    const file = sqliteFileOf(databaseUrl);
    const database = file === null ? null : resolve(file);
    // The database first: a key that is made meanwhile can be there and unused, but never used and missing.
    if (database !== null) {
      onStep('Copying the database');
      await copySqlite(database, join(draft, databaseName), Date.now());
    }
    onStep('Copying keys and other files');
    const left = withoutSecrets ? secretNames.map((name) => join(from, name)) : [];
    const skipped = await copyFiles(from, draft, [...(await databasesOf(from, database)), ...left]);
    await takePlace(draft, target);
    return { hasDatabase: database !== null, skipped };
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Without links, also of what isn't there yet: the data folder, or one above it, can be one. */
async function realPath(path: string): Promise<string> {
  const found = await realpath(path).catch(() => null);
  if (found !== null || dirname(path) === path) return found ?? path;
  return join(await realPath(dirname(path)), basename(path));
}

/**
 * What is a database's own in the data folder: those files change under a plain copy. Also under the name that the
 * database has in the backup: an older one that was left there would take its place.
 */
async function databasesOf(folder: string, database: string | null): Promise<string[]> {
  const named =
    database === null ? [] : [await realPath(database), join(await realPath(dirname(database)), basename(database))];
  return [join(folder, databaseName), ...named].flatMap((file) =>
    ['', '-wal', '-shm', '-journal'].map((ending) => file + ending),
  );
}

function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** Between the name of a backup and of who makes it: two at the same time must not write into one folder. */
const draftMark = '.unfinished-';
const machine = hostname().replaceAll(/[^\w.]/g, '_');
const ownName = `${machine}-${process.pid}`;
/** Milliseconds: no backup takes longer. */
const longest = day;

/** Removes what backups that were killed have left, which holds secrets and takes space. @param begins whose drafts */
async function removeLeftovers(folder: string, begins: (name: string) => boolean): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  const left: string[] = [];
  for (const name of names.filter(begins)) if (await isLeft(join(folder, name))) left.push(name);
  for (const name of left) await rm(join(folder, name), { recursive: true, force: true });
  return left;
}

/** Whether who made a draft is gone. Of another machine, or container, only its age tells. */
async function isLeft(draft: string): Promise<boolean> {
  const [, name = '', pid = ''] = /\.unfinished-(.*)-(\d+)$/.exec(draft) ?? [];
  if (name === machine) return Number(pid) === process.pid || !isRunning(Number(pid));
  const made = await stat(draft).catch(() => null);
  return made !== null && Date.now() - made.mtimeMs > longest;
}

/**
 * Keys, secrets and whatever else there is.
 * @param left paths that aren't copied
 * @returns the paths of what is neither file, folder nor link
 */
async function copyFiles(from: string, to: string, left: readonly string[]): Promise<string[]> {
  const own = new Set(left);
  const skipped: string[] = [];
  const isCopied = async (source: string): Promise<boolean> => {
    if (own.has(source)) return false;
    const found = await lstat(source).catch(() => null);
    if (found === null || found.isFile() || found.isDirectory() || found.isSymbolicLink()) return true;
    skipped.push(source);
    return false;
  };
  await cp(from, to, { recursive: true, filter: isCopied, preserveTimestamps: true });
  // A link to where another machine, or this one after a loss, has no secret.
  for (const name of secretNames.filter((one) => !own.has(join(from, one)))) await replaceLink(join(to, name));
  return skipped.sort();
}

async function replaceLink(path: string): Promise<void> {
  const isLink = await lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
  if (!isLink) return;
  const content = await readFile(path);
  await rm(path);
  await writeFile(path, content, { mode: 0o600 });
}

/** Names what was given: the draft is nothing that the reader knows. */
function unmakeable(target: string, cause: unknown): Refusal {
  const why = errorCode(cause) || errorMessage(cause);
  return new Refusal('misconfigured', `${target} can't be made (${why}): name a folder where this user can write.`, {
    cause,
  });
}

/** In one step; a folder that holds something is never replaced (POSIX rename). */
async function takePlace(draft: string, target: string): Promise<void> {
  await rename(draft, target).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOTEMPTY' && cause.code !== 'EEXIST' && cause.code !== 'ENOTDIR')
      throw unmakeable(target, cause);
    throw new Refusal('conflict', `${target} is there already: name a new folder.`, { cause });
  });
}

/** In the order of time when sorted. */
export function backupName(now: Date): string {
  return `dockpass-${now.toISOString().slice(0, 19).replaceAll(':', '-')}Z`;
}

const backupForm = /^dockpass-\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z$/;
const draftForm = /^dockpass-\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z\.unfinished/;

/**
 * Deletes all backups in the folder but the newest, and what a backup that was killed has left. Anything else stays.
 * @param made the newest, whatever the names say: a clock that was ahead has left a date in the future
 * @param keep at least 1
 * @returns what was deleted
 */
export async function removeOldBackups(folder: string, made: string, keep: number): Promise<string[]> {
  const others = (await readdir(folder)).filter((name) => backupForm.test(name) && name !== made).sort();
  const old = others.slice(0, Math.max(0, others.length - (keep - 1)));
  for (const name of old) await rm(join(folder, name), { recursive: true, force: true });
  return [...old, ...(await removeLeftovers(folder, (name) => draftForm.test(name)))].sort();
}

/**
 * Writes down when, for the metrics: a backup that fails shows as one that grows old.
 * @returns why it can't be, where the folder is mounted read-only
 */
export async function recordBackup(dataFolder: string): Promise<string | null> {
  const file = join(dataFolder, lastBackupName);
  try {
    await writeFile(file, `${new Date().toISOString()}\n`);
    return null;
  } catch (error) {
    return `${file} can't be written (${errorCode(error)})`;
  }
}
