/** Owns whether a process is there, and how one is named to processes of other machines. */
import { hostname } from 'node:os';
import { errorCode } from './errors.ts';

/** Also one of another user. What is no process id counts as running: nothing is known of it. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}

/** "28939 on vm" */
export function processName(pid: number): string {
  return `${pid} on ${hostname()}`;
}

/** A process of this machine that is gone, as after a power cut. @param name as `processName` gives it */
export function hasEnded(name: string): boolean {
  const [pid, place] = name.split(' on ');
  return place === hostname() && !isRunning(Number(pid));
}
