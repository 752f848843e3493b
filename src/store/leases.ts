/** Owns every statement on `lease`: what only one process does at a time. */
import type { Sql } from './sql.ts';

export type LeaseStore = {
  /**
   * Takes the lease, or keeps it when it is held already.
   * @param holder random, one a process or task
   * @param until epoch milliseconds; from then on anyone can take it
   * @returns false while someone else holds it
   */
  take(name: string, holder: string, now: number, until: number): Promise<boolean>;
  /** Who holds it; `undefined` if no one does. */
  holder(name: string, now: number): Promise<string | undefined>;
  /** Who holds it, and leases whose name continues it after a space. */
  holders(name: string, now: number): Promise<string[]>;
  /** Takes the lease from any holder: for one that only says who is there. */
  put(name: string, holder: string, until: number): Promise<void>;
  /** Gives it back early. */
  release(name: string, holder: string): Promise<void>;
  /** Forgets what has run out. */
  removeExpired(now: number): Promise<number>;
};

/**
 * Each process that serves a database holds the lease that `serveLeaseOf` names, under its `processName`, so that none
 * takes the mark of another; up to 0.2.0 they shared one.
 */
export const serveLease = 'serve';
export const serveLeaseOf = (process: string): string => `${serveLease} ${process}`;

const take = `
  insert into lease (name, holder, until) values ($1, $2, $4)
  on conflict (name) do update set holder = excluded.holder, until = excluded.until
  where lease.until <= $3 or lease.holder = excluded.holder`;

const put = `
  insert into lease (name, holder, until) values ($1, $2, $3)
  on conflict (name) do update set holder = excluded.holder, until = excluded.until`;

export function createLeaseStore(sql: Sql): LeaseStore {
  return {
    take: async (name, holder, now, until) => (await sql.run(take, [name, holder, now, until])) === 1,
    holder: async (name, now) =>
      (await sql.get<{ holder: string }>('select holder from lease where name = $1 and until > $2', [name, now]))
        ?.holder,
    async holders(name, now) {
      const text =
        'select holder from lease where (name = $1 or substr(name, 1, $2) = $3) and until > $4 order by name';
      const rows = await sql.all<{ holder: string }>(text, [name, name.length + 1, `${name} `, now]);
      return rows.map(({ holder }) => holder);
    },
    async put(name, holder, until) {
      await sql.run(put, [name, holder, until]);
    },
    async release(name, holder) {
      await sql.run('delete from lease where name = $1 and holder = $2', [name, holder]);
    },
    removeExpired: (now) => sql.run('delete from lease where until <= $1', [now]),
  };
}
