/** Owns every statement on `failed_login`. */
import type { Sql, Statement } from './sql.ts';

/** A row of `failed_login`; the columns are explained in migrations/0004_failed_login.sql. */
export type FailedLoginRow = { readonly attempt: string; readonly secret: string; readonly at: number };

export type FailedLoginStore = {
  /**
   * All or none; one that is known already stays as it is.
   * @param forgotten epoch milliseconds; older ones start a new count
   */
  add(rows: readonly FailedLoginRow[], forgotten: number): Promise<void>;
  /** Different secrets since then, and when the first of them came. */
  count(attempt: string, since: number): Promise<{ readonly count: number; readonly first: number | null }>;
  removeBefore(at: number): Promise<number>;
};

const insert = `
  insert into failed_login (attempt, secret, at) values ($1, $2, $3)
  on conflict (attempt, secret) do update set at = excluded.at where failed_login.at <= $4`;
const count = 'select count(*) as count, min(at) as first from failed_login where attempt = $1 and at > $2';

export function createFailedLoginStore(sql: Sql): FailedLoginStore {
  return {
    async add(rows, forgotten) {
      const statements = rows.map(({ attempt, secret, at }): Statement => {
        return { text: insert, values: [attempt, secret, at, forgotten] };
      });
      await sql.batch(statements);
    },
    count: async (attempt, since) => (await sql.get(count, [attempt, since])) ?? { count: 0, first: null },
    removeBefore: (at) => sql.run('delete from failed_login where at <= $1', [at]),
  };
}
