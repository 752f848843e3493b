/** Owns making folders with a mode of their own. */
import { chmod, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from './errors.ts';

/**
 * Makes the folder, and those above it that are missing. Not by `recursive`: node's never ends where a file system
 * answers ENOENT to each try, as /proc does.
 * @param mode of each that is made, whatever the umask says
 */
export async function makeFolders(folder: string, mode: number): Promise<void> {
  try {
    await makeFolder(folder, mode);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' || dirname(folder) === folder) throw error;
    await makeFolders(dirname(folder), mode);
    await makeFolder(folder, mode);
  }
}

async function makeFolder(folder: string, mode: number): Promise<void> {
  try {
    await mkdir(folder);
    await chmod(folder, mode);
  } catch (error) {
    const isFolder = errorCode(error) === 'EEXIST' && (await stat(folder)).isDirectory();
    if (!isFolder) throw error;
  }
}
