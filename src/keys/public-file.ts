/** Owns the files that registries read: `rootcertbundle` and `jwks`. */

import { randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorMessage } from '../lib/errors.ts';
import { makeFolders } from '../lib/folders.ts';

/** Milliseconds after which a draft isn't being written any more. */
const draftLife = 60_000;

/**
 * Writes the file unless it holds the text already, in one step, so that a registry that starts at this moment reads
 * the old text or the new one. Everyone can read it: it's public.
 * @throws {Error} that names the file
 */
export async function writePublicFile(file: string, text: string): Promise<void> {
  await removeDrafts(file);
  if ((await readFile(file, 'utf8').catch(() => undefined)) === text && (await canAllRead(file))) return;
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

const certificatesIn = (text: string): string[] =>
  text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];

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
