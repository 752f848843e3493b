/** Owns every statement on `day_total` and `password_day`: logins and denials by day. */
import { idParameters, inPieces, padded } from './conditions.ts';
import type { Sql } from './sql.ts';

/** A row of `day_total`. Days since 1970-01-01, UTC. */
export type DayTotalRow = { readonly day: number; readonly logins: number; readonly denials: number };
export type PasswordDayRow = { readonly password_id: string; readonly day: number; readonly logins: number };

/** What is added to a day; `passwordId`: also to this password's. */
export type DailyCount = DayTotalRow & { readonly passwordId: string | null };

export type DailyCountStore = {
  /** All or nothing. A password that is gone counts in the total alone. */
  add(counts: readonly DailyCount[]): Promise<void>;
  totalsSince(day: number): Promise<DayTotalRow[]>;
  ofPasswordsSince(passwordIds: readonly string[], day: number): Promise<PasswordDayRow[]>;
  /** Removes at most `limit` rows of passwords, and all totals, of earlier days. @returns how many rows of passwords */
  removeBefore(day: number, limit: number): Promise<number>;
};

const addTotal = `
  insert into day_total (day, logins, denials) values ($1, $2, $3)
  on conflict (day) do update set logins = day_total.logins + excluded.logins,
    denials = day_total.denials + excluded.denials`;
const addPassword = `
  insert into password_day (password_id, day, logins)
  select id, cast($2 as integer), cast($3 as bigint) from app_password where id = $1
  on conflict (password_id, day) do update set logins = password_day.logins + excluded.logins`;
const totalsSince = 'select * from day_total where day >= $1 order by day';
const ofPasswordsSince = `
  select password_id, day, logins from password_day where day >= $1 and password_id in (${idParameters(2)})`;
const removePasswords = `
  delete from password_day where (password_id, day) in (select password_id, day from password_day where day < $1 limit $2)`;
const removeTotals = 'delete from day_total where day < $1';

export function createDailyCountStore(sql: Sql): DailyCountStore {
  return {
    async add(counts) {
      // In one order everywhere, so that two replicas never wait for each other.
      const sorted = counts.toSorted((a, b) => a.day - b.day || order(a.passwordId ?? '', b.passwordId ?? ''));
      await sql.batch(
        sorted.map(({ passwordId, day, logins, denials }) =>
          passwordId === null
            ? { text: addTotal, values: [day, logins, denials] }
            : { text: addPassword, values: [passwordId, day, logins] },
        ),
      );
    },
    totalsSince: (day) => sql.all<DayTotalRow>(totalsSince, [day]),
    async ofPasswordsSince(ids, day) {
      const found: PasswordDayRow[] = [];
      for (const piece of inPieces(ids)) {
        found.push(...(await sql.all<PasswordDayRow>(ofPasswordsSince, [day, ...padded(piece)])));
      }
      return found;
    },
    async removeBefore(day, limit) {
      const removed = await sql.run(removePasswords, [day, limit]);
      return removed + (await sql.run(removeTotals, [day]));
    },
  };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
