/** Owns the file that registries read as `rootcertbundle`. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Writes the bundle unless the file holds it already, in one step, so that a registry that starts at this moment
 * reads the old bundle or the new one. Everybody may read it: it is public.
 * @param pem certificates
 * @throws {Error} that names the file
 */
export async function writeTrustBundle(file: string, pem: string): Promise<void> {
  if ((await readFile(file, 'utf8').catch(() => undefined)) === pem) return;
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(draft, pem, { flag: 'wx' });
    await chmod(draft, 0o644);
    await rename(draft, file);
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw new Error(`Cannot write the certificate bundle ${file}: ${(cause as Error).message}`, { cause });
  }
}
