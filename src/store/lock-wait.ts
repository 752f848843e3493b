/** Owns how long SQLite waits for the write of another program. All that this process does waits with it. */
import type { Database } from 'better-sqlite3';
import { isBusy } from './sqlite-errors.ts';

/** Milliseconds: while the database is opened and migrated, no request waits. */
export const openingWait = 10_000;
/** Milliseconds: a write of Dockpass's own processes takes a few, and clients give a request up after 15 seconds. */
const servingWait = 5_000;
/**
 * Milliseconds, from a wait in vain to the next write that succeeds: a request may need several writes, behind those of
 * others, and their waits would add up.
 */
const waitAfterFailure = 250;

export type LockWait = {
  /** From now on requests wait. */
  serve(): void;
  /** To be told of each write that is stored. */
  onStored(): void;
  /** To be told of each error. */
  onError(error: unknown): void;
};

/** @param database opened to wait for `openingWait` */
export function createLockWait(database: Database): LockWait {
  let wait = openingWait;
  const change = (to: number): void => {
    if (wait === to) return;
    wait = to;
    database.pragma(`busy_timeout = ${to}`);
  };
  return {
    serve: () => change(servingWait),
    onStored() {
      if (wait === waitAfterFailure) change(servingWait);
    },
    onError(error) {
      if (wait === servingWait && isBusy(error)) change(waitAfterFailure);
    },
  };
}
