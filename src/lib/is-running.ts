/** Owns whether a process of this machine is there. */
import { errorCode } from './errors.ts';

/** Also one of another user. What is no process id counts as running: nothing is known of it. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}
