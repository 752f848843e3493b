/** Owns how long what is written to SQLite waits for the write of another program. */
import { setTimeout } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { isBusy } from './sqlite-errors.ts';

/** Milliseconds: while the database is opened and migrated, no request waits. */
export const openingWait = 10_000;
/** Milliseconds: a write of Dockpass's own processes takes a few, and clients give a request up after 15 seconds. */
const servingWait = 5_000;
/** Milliseconds, from a wait in vain to the next write that is stored: a request may need several, one after the other. */
const waitAfterFailure = 250;
/**
 * Milliseconds that SQLite waits at a time, in the thread that everybody shares, and between two times. It asks ever more
 * rarely, at last ten times a second: then another process that writes all the time would hardly let this one in.
 */
const [turn, pause] = [100, 20];

export type LockWait = {
  /** From now on requests wait. */
  serve(): void;
  /** To be told of each write that is stored. */
  onStored(): void;
  /** Whether what was asked for at `since` (as `performance.now()`) may wait no longer; then it counts as a wait in vain. */
  isOver(since: number): boolean;
  /** Resolves when it is time to try again. */
  pause(): Promise<void>;
};

/** @param database opened to wait for `openingWait` */
export function createLockWait(database: Database): LockWait {
  let wait = servingWait;
  return {
    serve: () => void database.pragma(`busy_timeout = ${turn}`),
    onStored() {
      wait = servingWait;
    },
    isOver(since) {
      const over = performance.now() - since >= wait;
      if (over) wait = waitAfterFailure;
      return over;
    },
    pause: () => setTimeout(pause),
  };
}

/** Runs `action` again until nobody else holds the lock. @throws what it throws, where that takes too long */
export async function patiently<Result>(lockWait: LockWait, action: () => Result): Promise<Result> {
  const since = performance.now();
  for (;;) {
    try {
      return action();
    } catch (error) {
      if (!isBusy(error) || lockWait.isOver(since)) throw error;
    }
    await lockWait.pause();
  }
}
