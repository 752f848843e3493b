/** Owns files that a command writes for people to edit: new ones only, all or none. */
import { lstat, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode, Refusal } from '../lib/errors.ts';
import { makeFolders } from '../lib/folders.ts';

export type NewFile = { readonly name: string; readonly text: string };

/** @throws {Refusal} `conflict`, where one of them exists; `bad_request`, where the folder is none */
export async function refuseExisting(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) if (await exists(join(folder, name))) throw alreadyThere(join(folder, name));
}

/**
 * Makes the folder where it's missing. Others can go through it, to what registries read in DATA_DIR, but only this user
 * can list it and read the files: a policy can have hashes of passwords, too.
 * @returns the paths, in the same order
 * @throws {Refusal} `conflict`, where one of the files exists
 */
export async function writeNewFiles(folder: string, files: readonly NewFile[]): Promise<string[]> {
  await makeFolders(folder, 0o711);
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
    (error) => {
      if (errorCode(error) === 'ENOENT') return false;
      if (errorCode(error) !== 'ENOTDIR') throw error;
      throw new Refusal(
        'bad_request',
        `${dirname(path)} is a file, or is below one: name a folder. Nothing was written.`,
      );
    },
  );
}

function alreadyThere(path: string): Refusal {
  return new Refusal(
    'conflict',
    `${path} exists already: choose another folder, or move it away. Nothing was written.`,
  );
}
