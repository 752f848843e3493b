/** Owns reading docker_auth's LevelDB token database: a bcrypt hash, a date and labels for each person who ever signed in. */

import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Refusal } from '../lib/errors.ts';
import { isRunning } from '../lib/is-running.ts';
import { fieldsIn, isRecord } from '../lib/json.ts';

/** An app password as docker_auth keeps it. */
export type TokenDbEntry = {
  /** As docker_auth wrote it: the docker user name. */
  readonly email: string;
  readonly hash: string;
  /** Epoch milliseconds: docker_auth last had the provider's word about an hour before; `null` where it does not say. */
  readonly validUntil: number | null;
  /** What the provider reported at the sign-in; `null` if nothing. */
  readonly labels: Readonly<Record<string, readonly string[]>> | null;
};

export type TokenDb = {
  readonly entries: readonly TokenDbEntry[];
  /** Keys that hold no password, and why. */
  readonly unusable: readonly { readonly email: string; readonly reason: string }[];
};

/** The keys of docker_auth are `t:` and the e-mail (authn/tokendb_level.go). */
const prefix = 't:';
/** What a LevelDB consists of, besides its lock and its own log. */
const isData = (name: string): boolean => /^(?:CURRENT|MANIFEST-\d+|\d+\.(?:ldb|sst|log))$/.test(name);

/**
 * Reads a copy: opening a LevelDB, even to read it, writes into its folder.
 * @param folder what `level_token_db.path` names
 * @throws {Refusal} where it cannot be read, with what to do instead
 */
export async function readTokenDb(folder: string): Promise<TokenDb> {
  const names = await readFolder(folder);
  // Looked for first: the flock program would make the file.
  if (names.includes('LOCK')) await refuseInUse(folder);
  await removeLeftovers();
  // Its tokens are in it in clear: the folder is its owner's alone (mkdtemp), and goes in any case.
  const copy = await mkdtemp(join(tmpdir(), `dockpass-token-db-${process.pid}-`));
  try {
    for (const name of names.filter(isData)) await copyFile(join(folder, name), join(copy, name));
    return sortOut(await readAll(copy, folder));
  } finally {
    await rm(copy, { recursive: true });
  }
}

/** Removes the copies of imports that were killed. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const [, id] = /^dockpass-token-db-(\d+)-/.exec(name) ?? [];
    if (id === undefined || (Number(id) !== process.pid && isRunning(Number(id)))) continue;
    // One of another user stays theirs.
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => {});
  }
}

async function readFolder(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    const what = cause.code === 'ENOTDIR' ? `${folder} is a file` : `${folder} cannot be read`;
    const code = cause.code === 'ENOENT' ? 'not_found' : 'bad_request';
    throw new Refusal(code, `${what}: give the folder that level_token_db.path names.`, { cause });
  });
  if (names.includes('CURRENT')) return names;
  throw new Refusal(
    'bad_request',
    `${folder} isn't a LevelDB: it has no file CURRENT. Give the folder that level_token_db.path names.`,
  );
}

/**
 * A running docker_auth still gives out passwords, which would be missing; it holds a lock (flock) as long as it runs.
 * Node.js cannot ask for one; where the system has no flock program either, nothing is known and nothing refused.
 */
async function refuseInUse(folder: string): Promise<void> {
  const code = await new Promise<unknown>((resolve) => {
    execFile('flock', ['--nonblock', '--shared', join(folder, 'LOCK'), 'true'], (error) => resolve(error?.code ?? 0));
  });
  if (code !== 1) return;
  throw new Refusal(
    'conflict',
    `${folder} is in use: docker_auth is running on it. Stop it, so that no password is left behind, or give a copy of the folder to try this out.`,
  );
}

async function readAll(copy: string, folder: string): Promise<[key: string, value: string][]> {
  // Loaded where it is needed: nothing else of Dockpass knows LevelDB.
  const { ClassicLevel } = await import('classic-level');
  const database = new ClassicLevel(copy, { createIfMissing: false });
  try {
    await database.open();
    return await database.iterator({ gte: prefix, lt: 't;' }).all();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new Refusal(
      'bad_request',
      `${folder} cannot be read as a LevelDB. Take another copy of it while docker_auth is stopped; where docker_auth cannot open it either, people have to sign in again.`,
      { cause },
    );
  } finally {
    await database.close();
  }
}

function sortOut(pairs: readonly (readonly [key: string, value: string])[]): TokenDb {
  const entries: TokenDbEntry[] = [];
  const unusable: { email: string; reason: string }[] = [];
  for (const [key, value] of pairs) {
    const email = key.slice(prefix.length);
    const entry = readEntry(email, value);
    if (typeof entry === 'string') unusable.push({ email, reason: entry });
    else entries.push(entry);
  }
  return { entries, unusable };
}

/** @returns what is wrong with it, if it isn't an entry */
function readEntry(email: string, value: string): TokenDbEntry | string {
  let stored: unknown;
  try {
    stored = JSON.parse(value);
  } catch {
    return 'the entry is not JSON';
  }
  const { docker_password: hash, valid_until: validUntil, labels } = fieldsIn(stored);
  if (hash === undefined || hash === '') return 'it has no password';
  if (typeof hash !== 'string' || !/^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/.test(hash)) {
    return "its password isn't a bcrypt hash";
  }
  const time = typeof validUntil === 'string' ? Date.parse(validUntil) : 0;
  // Go writes the year 1 for a time that isn't set.
  return { email, hash, validUntil: time > 0 ? time : null, labels: readLabels(labels) };
}

function readLabels(labels: unknown): TokenDbEntry['labels'] {
  if (!isRecord(labels)) return null;
  const entries = Object.entries(labels).flatMap(([label, values]) =>
    Array.isArray(values) && values.length > 0 ? [[label, values.map(String)] as const] : [],
  );
  return entries.length === 0 ? null : Object.fromEntries(entries);
}
