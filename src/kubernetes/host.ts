/** Owns the files of a node, below a folder where its root is mounted: read, replaced by rename, removed; symbolic links stay inside. */
import { lstat, open, readdir, readFile, readlink, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { errorCode, Refusal } from '../lib/errors.ts';
import { makeFolders } from '../lib/folders.ts';

export type Host = {
  /** @returns `null` where there is none */
  read(path: string): Promise<string | null>;
  /** The names in a folder; none where there is none. */
  list(folder: string): Promise<readonly string[]>;
  isFolder(path: string): Promise<boolean>;
  /** In one step, and on the disk when it returns. An existing file keeps its mode unless one is given. */
  write(path: string, text: string, mode?: number): Promise<void>;
  remove(path: string): Promise<void>;
};

const maximumLinks = 40;

/** @param root "/" on the node itself, "/host" in a pod that mounts it there */
export function openHost(root: string): Host {
  const real = (path: string) => realPath(root, path);
  return {
    read: async (path) => orNull(readFile(await real(path), 'utf8')),
    list: async (folder) => (await orNull(readdir(await real(folder)))) ?? [],
    isFolder: async (path) => (await orNull(stat(await real(path))))?.isDirectory() ?? false,
    async write(path, text, mode) {
      const target = await real(path);
      await makeFolders(dirname(target), 0o755);
      const existing = await orNull(stat(target));
      await replace(target, text, mode ?? (existing === null ? 0o644 : existing.mode & 0o7777));
    },
    async remove(path) {
      const target = await real(path);
      await rm(target, { force: true });
      await orNull(sync(dirname(target)));
    },
  };
}

async function replace(target: string, text: string, mode: number): Promise<void> {
  // Not the end of a name that a kubelet reads from a folder of configurations.
  const draft = `${target}.dockpass-new`;
  await rm(draft, { force: true });
  const file = await open(draft, 'wx', mode);
  try {
    await file.chmod(mode); // whatever the umask is
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, target);
  await sync(dirname(target));
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A path as the node sees it: an absolute link there must not lead into the container's own files. */
async function realPath(root: string, path: string): Promise<string> {
  let done = '/';
  const ahead = posix.normalize(path).split('/').filter(Boolean);
  for (let links = 0; ahead.length > 0; ) {
    const next = posix.join(done, ahead.shift() ?? '');
    const found = await orNull(lstat(join(root, next)));
    if (found?.isSymbolicLink() !== true) {
      done = next;
      continue;
    }
    if (++links > maximumLinks) throw new Refusal('misconfigured', `${path} is a circle of symbolic links.`);
    const target = await readlink(join(root, next));
    ahead.unshift(...target.split('/').filter(Boolean));
    if (target.startsWith('/')) done = '/';
  }
  return join(root, done);
}

async function orNull<Value>(promise: Promise<Value>): Promise<Value | null> {
  return promise.catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return null;
    throw error;
  });
}
