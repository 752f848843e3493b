/** Owns files that a command writes for people to edit: new ones only, all or none. */
import { lstat, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, Refusal } from '../lib/errors.ts';
import { makeFolders } from '../lib/folders.ts';

export type NewFile = { readonly name: string; readonly text: string };

/** @throws {Refusal} `conflict`, where one of them exists */
export async function refuseExisting(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) if (await exists(join(folder, name))) throw alreadyThere(join(folder, name));
}

/**
 * Makes the folder where it's missing. Only this user can read the files: a policy can have hashes of passwords, too.
 * @returns the paths, in the same order
 * @throws {Refusal} `conflict`, where one of the files exists
 */
export async function writeNewFiles(folder: string, files: readonly NewFile[]): Promise<string[]> {
  await makeFolders(folder, 0o700);
  await refuseExisting(
    folder,
    files.map(({ name }) => name),
  );
  const written: string[] = [];
  try {
    for (const { name, text } of files) {
      await writeFile(join(folder, name), text, { flag: 'wx', mode: 0o600 });
      written.push(join(folder, name));
    }
  } catch (error) {
    for (const path of written) await rm(path);
    throw errorCode(error) === 'EEXIST' ? alreadyThere(join(folder, files[written.length]?.name ?? '')) : error;
  }
  return written;
}

/** A link that leads nowhere, too. */
function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function alreadyThere(path: string): Refusal {
  return new Refusal(
    'conflict',
    `${path} exists already: choose another folder, or move it away. Nothing was written.`,
  );
}
