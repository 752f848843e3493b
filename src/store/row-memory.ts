/** Owns the memory of rows that were looked up by one key: they are the same until somebody writes to the database. */
import type { Database } from 'better-sqlite3';

export type RowMemory = {
  /** The row that `read` finds, without reading where nothing was written since it was read last. */
  recall(statement: string, key: string, read: () => unknown): unknown;
  /** To be called at each write of this connection. */
  forget(): void;
};

/** About 2 MB. Beyond it, all are read anew. */
const maximumRows = 1_000;

/**
 * SQLite's `data_version` changes with each commit of another connection, in this process or any other, and is asked each
 * time: a third of the cost of the lookup on the path of `/auth`. Commits of this connection do not change it.
 */
export function createRowMemory(database: Database): RowMemory {
  const dataVersion = database.prepare('pragma data_version').pluck();
  /** By statement, then by key. */
  const rows = new Map<string, Map<string, unknown>>();
  let count = 0;
  let version: unknown;
  const forget = (): void => {
    rows.clear();
    count = 0;
  };
  return {
    recall(statement, key, read) {
      const now = dataVersion.get();
      if (now !== version || count >= maximumRows) forget();
      version = now;
      const known = rows.get(statement) ?? new Map<string, unknown>();
      // Many hold the same row: whoever changed it would change what the others look up.
      const row = known.get(key) ?? Object.freeze(read());
      if (row !== undefined && !known.has(key)) {
        rows.set(statement, known.set(key, row));
        count += 1;
      }
      return row;
    },
    forget,
  };
}
