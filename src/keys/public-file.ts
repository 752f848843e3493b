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
 * @throws {Error} that names the file; a Refusal `misconfigured` for a file of another kind
 */
export async function writePublicFile(file: string, text: string, kind?: PublicKind): Promise<void> {
  await removeDrafts(file);
  const before = await readFile(file, 'utf8').catch((error: unknown) => ({ error }));
  if (before === text && (await canAllRead(file))) return;
  if (kind) refuseAnother(file, before, kind);
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await makeFolders(dirname(file), 0o755);
    await writeFile(draft, text, { flag: 'wx' });
    await chmod(draft, 0o644);
    await rename(draft, file);
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw new Error(`Cannot write ${file}, which registries read: ${errorMessage(cause)}`, { cause });
  }
}

/** What a file is for, by which another one is told from it. */
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
function refuseAnother(file: string, before: string | { readonly error: unknown }, kind: PublicKind): void {
  if (typeof before !== 'string' && ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errorCode(before.error))) return;
  if (typeof before === 'string' && (before.trim() === '' || kind.isOne(before))) return;
  const what =
    typeof before === 'string'
      ? `holds something other than ${kind.holds}`
      : `can't be read (${errorCode(before.error)})`;
  throw new Refusal('misconfigured', `${file} ${what}; name another file in ${kind.setting}.`);
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
