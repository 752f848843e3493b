/** Owns the files that a single machine makes for itself in its data folder: readable by this user only. */
import { randomBytes } from 'node:crypto';
import { link, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode, Refusal } from './errors.ts';
import { makeFolders } from './folders.ts';

/** The SQLite database, where DATABASE_URL names no other. */
export const databaseName = 'dockpass.db';
/** What a machine makes for itself where the settings give nothing: without these a copy of the database proves and signs nothing. */
export const secretNames = ['password-pepper', 'session-secret', 'encryption-key'] as const;
/** Whose time of change is that of the last backup. */
export const lastBackupName = 'last-backup';

/**
 * Makes the folder. Others can pass through it to the certificates that registries read, and see neither its list nor
 * any other file.
 * @throws {Refusal} `misconfigured`, when it can't be made or isn't a folder
 */
export async function createDataFolder(folder: string): Promise<void> {
  await makeFolders(folder, 0o711).catch((cause: NodeJS.ErrnoException) => {
    const { code, path = folder } = cause;
    const why = code === 'EEXIST' ? ': a file has that name' : '';
    const message = `The folder ${path} cannot be made${why} (${code}). DATA_DIR names the folder for all that Dockpass keeps.`;
    throw new Refusal('misconfigured', message, { cause });
  });
}

/**
 * The content of a file that is written once: the first process makes it, and processes that start together agree on
 * one content, because the complete file appears under its name in one step or not at all.
 */
export async function readOrCreate(file: string, make: () => Promise<string> | string): Promise<string> {
  const existing = await readIfThere(file);
  if (existing !== undefined) return existing;
  await createDataFolder(dirname(file));
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await writeDurably(draft, await make());
    await link(draft, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  return readFile(file, 'utf8');
}

/**
 * 32 random bytes, made on the first call.
 * @throws {Refusal} `misconfigured`, when what it holds was cut off
 */
export async function readOrCreateSecret(file: string): Promise<string> {
  const secret = await readOrCreate(file, () => randomBytes(32).toString('base64url'));
  if (secret.trim().length >= 32) return secret;
  const message = `${file} does not hold a whole secret. Restore it from a backup: what was made with it is lost without it.`;
  throw new Refusal('misconfigured', message);
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function writeDurably(file: string, content: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
