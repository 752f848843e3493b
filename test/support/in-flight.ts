/** Owns two changes on PostgreSQL that happen at the same moment: one is stored while the other waits for it, or has ended. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { OpenDatabase, Sql } from '../../src/store/sql.ts';

const waiting = `
  select pid from pg_stat_activity where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0`;

/**
 * What stores get: before a transaction of theirs is committed, `other` is begun, and gets as far as it can without it.
 * @param sql of PostgreSQL
 * @param other isn't awaited, so it must not reject
 */
export function createInFlight(sql: OpenDatabase, other: () => Promise<void>): Sql {
  return {
    ...sql,
    atomic: (steps) =>
      sql.transaction(async (run) => {
        const running = steps();
        let step = running.next();
        while (!step.done) step = running.next(await run(step.value.text, step.value.values));
        let isOver = false;
        void other().then(() => {
          isOver = true;
        });
        while (!isOver && (await sql.all(waiting)).length === 0) await yieldToOthers();
        return step.value;
      }),
  };
}
