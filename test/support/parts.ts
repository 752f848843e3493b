/** Which real programs stand on this machine: a suite that speaks to one is skipped where it is missing, and fails in CI. */
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * For the `skip` option of a test: false where every program is installed, else the reason to print. The word `root`
 * stands for a process that may start daemons.
 * @throws Error where CI=true: there, a suite that cannot run is a failure and not a gap.
 */
export function missing(...programs: readonly string[]): string | false {
  const absent = programs.filter((program) =>
    program === 'root' ? process.getuid?.() !== 0 : findProgram(program) === null,
  );
  return absent.length === 0 ? false : skipped(`missing: ${absent.join(', ')}`);
}

/** Like `missing`, for a program that not every Debian has: for the want of it CI does not fail. */
export function notPackaged(program: string): string | false {
  return findProgram(program) === null && `missing: ${program}, which Debian 12 does not have (script/newer-clients)`;
}

/**
 * The reason, for a suite that cannot run on this machine.
 * @throws Error where CI=true
 */
export function skipped(reason: string): string {
  if (process.env['CI'] === 'true') throw new Error(reason);
  return reason;
}

/** The path of a program in PATH, or in the folders of system programs that a plain user's PATH leaves out. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}

/** Today's plug-in or the program before it, where one is installed. */
export function composeProgram(): readonly string[] | null {
  if (findProgram('docker-compose') !== null) return ['docker-compose'];
  const folders = ['/usr/libexec', '/usr/lib', '/usr/local/lib'];
  const installed = folders.some((folder) => existsSync(join(folder, 'docker/cli-plugins/docker-compose')));
  return installed ? ['docker', 'compose'] : null;
}

/** For `skip`. */
export function noCompose(): string | false {
  return composeProgram() === null && skipped('missing: docker-compose');
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
