/** Owns that SQLite commits together what is written at the same time. */
import type { Database } from 'better-sqlite3';
import { isBusy, translated } from './sqlite-errors.ts';

export type GroupCommit = {
  /** Resolves once it is on the disk. @throws what `translated` makes of an error; then nothing of it is stored */
  add<Result>(write: () => Result): Promise<Result>;
  /** Commits now what waits. */
  commit(): void;
};
type Write = {
  /** @returns what answers it once it's on the disk */
  readonly run: () => () => void;
  reject(error: unknown): void;
};

/** Writes of one commit, and milliseconds after which no other is begun: nothing else happens meanwhile. */
const longestGroup = 200;
const longestTime = 10;

/**
 * Commits together what is asked for in one turn of the event loop. Each commit waits for the disk, and every other request with
 * it: two thousand sign-ins at the same time are a few hundred waits instead of ten thousand.
 */
export function createGroupCommit(database: Database, now: () => number = () => performance.now()): GroupCommit {
  /** In the order in which they were asked for. Where there are any, a commit is on its way. */
  let waiting: Write[] = [];
  /** Within another one it is a savepoint: a write that fails takes no other with it. */
  const whole = database.transaction((write: Write['run']) => write());
  const runOne = ({ run, reject }: Write): (() => void) => {
    try {
      return whole(run);
    } catch (error) {
      // A full disk, for one, undoes the whole transaction.
      if (!database.inTransaction) throw error;
      return () => reject(translated(error, database));
    }
  };
  const runSome = database.transaction((writes: readonly Write[]) => {
    const begun = now();
    const settled: (() => void)[] = [];
    for (const write of writes) {
      if (settled.length > 0 && now() - begun > longestTime) break;
      settled.push(runOne(write));
    }
    return settled;
  });
  const commit = (): void => {
    const writes = waiting.slice(0, longestGroup);
    waiting = waiting.slice(longestGroup);
    if (writes.length === 0) return;
    try {
      const settled = runSome.immediate(writes);
      waiting.unshift(...writes.slice(settled.length));
      for (const settle of settled) settle();
    } catch (error) {
      // Where another program holds the lock, those behind them would each wait for it in vain.
      const failed = isBusy(error) ? [...writes, ...waiting.splice(0)] : writes;
      for (const { reject } of failed) reject(translated(error, database));
    }
    if (waiting.length > 0) setImmediate(commit);
  };
  return {
    add: <Result>(write: () => Result) =>
      new Promise<Result>((resolve, reject) => {
        if (waiting.length === 0) setImmediate(commit);
        const run = (): (() => void) => {
          const result = write();
          return () => resolve(result);
        };
        waiting.push({ run, reject });
      }),
    commit() {
      while (waiting.length > 0) commit();
    },
  };
}
