/** Owns the files that registries read: `rootcertbundle` and `jwks`. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Writes the file unless it holds the text already, in one step, so that a registry that starts at this moment reads
 * the old text or the new one. Everybody may read it: it is public.
 * @throws {Error} that names the file
 */
export async function writePublicFile(file: string, text: string): Promise<void> {
  if ((await readFile(file, 'utf8').catch(() => undefined)) === text) return;
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(draft, text, { flag: 'wx' });
    await chmod(draft, 0o644);
    await rename(draft, file);
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw new Error(`Cannot write ${file}, which registries read: ${(cause as Error).message}`, { cause });
  }
}
