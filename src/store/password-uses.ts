/** Owns every statement on `password_use`: what a password was used from and for, kept for 30 days and bounded. */
import { idParameters, padded } from './conditions.ts';
import type { Sql, Steps } from './sql.ts';

/** A row of `password_use`; the columns are explained in migrations/0006_administration.sql. */
export type PasswordUseRow = {
  readonly password_id: string;
  readonly kind: 'address' | 'client' | 'repository';
  readonly value: string;
  readonly first_at: number;
  readonly last_at: number;
};

/** What several passwords were used from and for, together. */
export type UseSummaryRow = Omit<PasswordUseRow, 'password_id'>;

export type NewUse = Pick<PasswordUseRow, 'password_id' | 'kind' | 'value'> & { readonly at: number };

/** `first`: new, and the password had not been used from any address. */
export type Novelty = 'known' | 'new' | 'first';

export type PasswordUseStore = {
  /**
   * Stores all or none; of each password and kind the latest `keep` stay.
   * @returns for each in its place whether it's new, which only the call that stores it learns
   */
  write(uses: readonly NewUse[], keep: number): Promise<Novelty[]>;
  /** The latest first. */
  ofAccount(accountId: string): Promise<PasswordUseRow[]>;
  /** @param ids at most `idsAtOnce` */
  summary(ids: readonly string[]): Promise<UseSummaryRow[]>;
  /** Removes at most `limit` rows that were last used before; returns how many. */
  removeBefore(time: number, limit: number): Promise<number>;
};

/** Of a password that was removed meanwhile nothing is written, and what waits with it is. */
const insert = `
  insert into password_use (password_id, kind, value, first_at, last_at)
  select cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as bigint), cast($4 as bigint)
  where exists (select 1 from app_password where id = $1)
  on conflict (password_id, kind, value) do nothing`;
const update = `
  update password_use set last_at = $4 where password_id = $1 and kind = $2 and value = $3 and last_at < $4`;
const trim = `
  delete from password_use where password_id = $1 and kind = $2 and value not in (
    select value from password_use where password_id = $1 and kind = $2 order by last_at desc, value limit $3)`;
const markFirst = 'update app_password set first_used_at = $2 where id = $1 and first_used_at is null';
const ofAccount = `
  select u.* from password_use u join app_password p on p.id = u.password_id
  where p.account_id = $1 order by u.last_at desc, u.value`;
const summary = `
  select kind, value, min(first_at) as first_at, max(last_at) as last_at from password_use
  where password_id in (${idParameters()}) group by kind, value`;
const removeBefore = `
  delete from password_use where (password_id, kind, value) in (
    select password_id, kind, value from password_use where last_at < $1 limit $2)`;

export function createPasswordUseStore(sql: Sql): PasswordUseStore {
  return {
    write: (uses, keep) =>
      sql.atomic(function* () {
        const written: Novelty[] = [];
        for (const use of uses) written.push((yield* put(use)) ? 'new' : 'known');
        const added = uses.filter((_, index) => written[index] === 'new');
        const trimmed = new Map(added.map(({ password_id: id, kind }) => [`${id} ${kind}`, [id, kind, keep]]));
        for (const values of trimmed.values()) yield { text: trim, values };
        for (const [index, { password_id: id, kind, at }] of uses.entries()) {
          if (kind !== 'address' || written[index] !== 'new') continue;
          if ((yield { text: markFirst, values: [id, at] }) === 1) written[index] = 'first';
        }
        return written;
      }),
    ofAccount: (accountId) => sql.all<PasswordUseRow>(ofAccount, [accountId]),
    summary: (ids) => sql.all<UseSummaryRow>(summary, padded(ids)),
    removeBefore: (time, limit) => sql.run(removeBefore, [time, limit]),
  };
}

/** @returns whether it's new */
function* put({ password_id: id, kind, value, at }: NewUse): Steps<boolean> {
  const values = [id, kind, value, at];
  const inserted = yield { text: insert, values };
  yield { text: update, values };
  return inserted === 1;
}
