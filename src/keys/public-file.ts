/** Owns the files that registries read: `rootcertbundle` and `jwks`. */

import { randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode, errorMessage, Refusal } from '../lib/errors.ts';
import { makeFolders } from '../lib/folders.ts';
import { fieldsIn } from '../lib/json.ts';

/** Milliseconds after which a draft isn't being written any more. */
const draftLife = 60_000;

/**
 * Writes the file unless it holds the text already, in one step, so that a registry that starts at this moment reads
 * the old text or the new one. Everyone can read it: it's public.
 * @param kind where a file of another kind is someone's by mistake, and is left as it is
 * @throws {Refusal} `misconfigured`, with the name of the file
 */
export async function writePublicFile(file: string, text: string, kind?: PublicKind): Promise<void> {
  await removeDrafts(file);
  if (kind) await refuseAnother(file, kind);
  if ((await readFile(file, 'utf8').catch(() => null)) === text && (await canAllRead(file))) return;
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await makeFolders(dirname(file), 0o755);
    await writeFile(draft, text, { flag: 'wx' });
    await chmod(draft, 0o644);
    await rename(draft, file);
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => undefined);
    const message = `Cannot write ${file}, which registries read: ${errorMessage(cause)}`;
    throw new Refusal('misconfigured', message, { cause });
  }
}

/** What a file is for, and how one that is for something else is recognized. */
type PublicKind = {
  /** Names the file. */
  readonly setting: string;
  readonly holds: string;
  isOne(text: string): boolean;
};

export const bundleKind = (setting: string): PublicKind => ({
  setting,
  holds: 'certificates',
  isOne(text) {
    const rest = text.replaceAll(pemCertificate, '');
    return rest !== text && rest.split('\n').every((line) => /^\s*(#|$)/.test(line));
  },
});

export const jwksKind = (setting: string): PublicKind => ({
  setting,
  holds: 'a JSON Web Key Set',
  isOne(text) {
    try {
      return Array.isArray(fieldsIn(JSON.parse(text))['keys']);
    } catch {
      return false;
    }
  },
});

/** One that can't be read, as a secret of another user can't, might be anything. */
async function refuseAnother(file: string, { setting, holds, isOne }: PublicKind): Promise<void> {
  const refuse = (why: string): never => {
    throw new Refusal('misconfigured', `${setting}: ${file} ${why}`);
  };
  try {
    const found = await stat(file);
    if (found.isDirectory()) refuse('is a folder: Docker makes one where a mounted file is missing. Remove it.');
    if (!found.isFile()) refuse('is a pipe or a device: name a file.');
    const text = await readFile(file, 'utf8');
    if (text.trim() !== '' && !isOne(text)) refuse(`holds something other than ${holds}: name another file.`);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    if (errorCode(error) === 'ENOTDIR') refuse('goes through a file, where a folder is needed: name another file.');
    if (errorCode(error) !== 'ENOENT') refuse(`can't be read (${errorCode(error)}): name another file.`);
  }
}

/** Not after a restore with a narrow umask, for example. */
async function canAllRead(file: string): Promise<boolean> {
  return ((await stat(file)).mode & 0o444) === 0o444;
}

/** What the image of 0.1.0 called the bundle. */
const formerName = 'dockpass.pem';

/**
 * Where a registry may still read the bundle by the name of 0.1.0: beside the bundle, if that file holds only certificates
 * and one of them is in the bundle. A file of the same name that is someone else's is left alone.
 */
export async function formerBundle(bundleFile: string, bundle: string): Promise<string | null> {
  const file = join(dirname(bundleFile), formerName);
  if (file === bundleFile) return null;
  const text = await readFile(file, 'utf8').catch(() => '');
  const isOurs = certificatesIn(text).some((certificate) => bundle.includes(certificate));
  return isOurs && !/-----BEGIN (?!CERTIFICATE-)/.test(text) ? file : null;
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

const certificatesIn = (text: string): string[] => text.match(pemCertificate) ?? [];

/** Of a process that was killed while writing. Another process may be about to put a younger one in place. */
async function removeDrafts(file: string): Promise<void> {
  const [folder, own] = [dirname(file), basename(file)];
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(own) || !/^\.[0-9a-f]{12}$/.test(name.slice(own.length))) continue;
    const draft = join(folder, name);
    const found = await stat(draft).catch(() => null);
    if (found !== null && Date.now() - found.mtimeMs > draftLife)
      await rm(draft, { force: true }).catch(() => undefined);
  }
}
