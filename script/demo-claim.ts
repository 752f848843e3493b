/** Owns who runs the demo in a folder: one at a time; what a killed one left running is ended by the next. */
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

/** A process as it was when it was written down. The system gives numbers again: it is the same only with the same command. */
type Known = { readonly name: string; readonly pid: number; readonly command: string };

/** What is in the folder while a demo runs: itself, then its parts. */
type Claim = readonly [demo: Known, ...parts: Known[]];

/** Milliseconds that a part gets to stop by itself. */
const gracePeriods = 10_000;

/**
 * Ends the parts of a demo that is gone itself.
 * @returns the names of those that it ended
 * @throws {Error} a demo is running in the folder; nothing was done to it
 */
export async function endLeftovers(folder: string): Promise<string[]> {
  const claim = await readClaim(folder);
  if (claim === null) return [];
  const [demo, ...parts] = claim;
  if (await lives(demo)) {
    throw new Error(
      `A demo is running in ${folder} already, as process ${demo.pid}. Stop it with Ctrl-C where it runs, or with: kill ${demo.pid}`,
    );
  }
  const ended: string[] = [];
  for (const part of parts) if (await end(part)) ended.push(part.name);
  await rm(fileIn(folder), { force: true });
  return ended;
}

/**
 * Writes down that this process runs the demo in the folder, until the stack is disposed of.
 * @returns writes down a part that it started
 */
export async function claimFolder(
  folder: string,
  stack: AsyncDisposableStack,
): Promise<(name: string, pid: number) => Promise<void>> {
  const claim: Known[] = [];
  const add = async (name: string, pid: number): Promise<void> => {
    claim.push({ name, pid, command: (await commandOf(pid)) ?? '' });
    await writeFile(fileIn(folder), JSON.stringify(claim));
  };
  await add('the demo', process.pid);
  stack.defer(() => rm(fileIn(folder), { force: true }));
  return add;
}

function fileIn(folder: string): string {
  return join(folder, 'running.json');
}

async function readClaim(folder: string): Promise<Claim | null> {
  try {
    return JSON.parse(await readFile(fileIn(folder), 'utf8')) as Claim;
  } catch {
    return null; // there is none, or its demo was killed while it wrote
  }
}

async function lives({ pid, command }: Known): Promise<boolean> {
  return command !== '' && (await commandOf(pid)) === command;
}

async function end(part: Known): Promise<boolean> {
  if (!(await lives(part))) return false;
  process.kill(part.pid, 'SIGTERM');
  for (let waited = 0; waited < gracePeriods && (await lives(part)); waited += 100) await wait(100);
  if (await lives(part)) process.kill(part.pid, 'SIGKILL');
  return true;
}

/** The command line of a process, or `null` where it is gone. */
async function commandOf(pid: number): Promise<string | null> {
  if (process.platform === 'linux') {
    // Empty for one that has ended and that its parent has not looked at yet.
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')) || null;
  }
  const { stdout } = await promisify(execFile)('ps', ['-ww', '-o', 'args=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout.trim() || null;
}
