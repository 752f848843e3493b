/** Owns where a SQLite file can't be: on a file system whose locks other machines don't see, which damages it (sqlite.org/wal.html). */
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { Refusal } from '../lib/errors.ts';

/** `f_type` of statfs(2), from linux/magic.h. */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'SMB'],
  [0xfe534d42, 'SMB'],
]);

/**
 * @param typeOf the type of the file system that a folder is on
 * @throws {Refusal} `misconfigured`
 */
export function refuseNetworkFileSystem(
  file: string,
  typeOf: (folder: string) => number | undefined = fileSystemOf,
): void {
  const name = networkFileSystems.get(typeOf(dirname(file)) ?? 0);
  if (name === undefined) return;
  throw new Refusal(
    'misconfigured',
    `The SQLite database ${file} is on ${name}, where it gets damaged. Put DATA_DIR on a local disk or a block volume, or use PostgreSQL: DATABASE_URL=postgres://...`,
  );
}

/** `undefined` where the folder can't be looked at: opening the file says why. */
function fileSystemOf(folder: string): number | undefined {
  try {
    return statfsSync(folder).type;
  } catch {
    return undefined;
  }
}
