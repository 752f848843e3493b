/** Owns the memory of rows that were looked up by one key: they are the same until somebody writes to the database. */
import type { Database } from 'better-sqlite3';

export type RowMemory = {
  /**
   * The row that `read` finds, without reading where nothing was written since it was read last. It is looked for once the event
   * loop has handed over all that came with it. @throws what `read` does
   */
  recall(statement: string, key: string, read: () => unknown): Promise<unknown>;
  /** To be called at each write of this connection. */
  forget(): void;
  /** Answers now what waits. */
  answer(): void;
};

type Lookup = {
  readonly statement: string;
  readonly key: string;
  readonly read: () => unknown;
  readonly resolve: (row: unknown) => void;
  readonly reject: (error: unknown) => void;
};

/** About 2 MB. Beyond it, all are read anew. */
const maximumRows = 1_000;

/**
 * SQLite's `data_version` changes with each commit of another connection, in this process or any other. It takes locks of the
 * file, as much work as all the rest of a lookup, so it is asked once for all lookups of a turn of the event loop, after the last
 * of them was asked for: none of them is older than what was stored before it. Commits of this connection do not change it.
 */
export function createRowMemory(database: Database): RowMemory {
  const dataVersion = database.prepare('pragma data_version').pluck();
  /** By statement, then by key. */
  const rows = new Map<string, Map<string, unknown>>();
  let count = 0;
  let version: unknown;
  let waiting: Lookup[] = [];
  const forget = (): void => {
    rows.clear();
    count = 0;
  };
  const find = ({ statement, key, read }: Lookup): unknown => {
    if (count >= maximumRows) forget();
    const known = rows.get(statement) ?? new Map<string, unknown>();
    // Many hold the same row: whoever changed it would change what the others look up.
    const row = known.get(key) ?? Object.freeze(read());
    if (row !== undefined && !known.has(key)) {
      rows.set(statement, known.set(key, row));
      count += 1;
    }
    return row;
  };
  const answer = (): void => {
    if (waiting.length === 0) return;
    const lookups = waiting;
    waiting = [];
    try {
      const now = dataVersion.get();
      if (now !== version) forget();
      version = now;
    } catch (error) {
      for (const { reject } of lookups) reject(error);
      return;
    }
    for (const lookup of lookups) {
      try {
        lookup.resolve(find(lookup));
      } catch (error) {
        lookup.reject(error);
      }
    }
  };
  return {
    recall: (statement, key, read) =>
      new Promise((resolve, reject) => {
        if (waiting.length === 0) setImmediate(answer);
        waiting.push({ statement, key, read, resolve, reject });
      }),
    forget,
    answer,
  };
}
