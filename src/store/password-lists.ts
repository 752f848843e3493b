/** Owns the lists of passwords that administrators look at, and how many rows each has: by the same conditions. */
import { type ListedPassword, withReason } from './passwords.ts';
import type { Sql } from './sql.ts';

/** `expiring`: without a successor; `unused`: since long before; `suspended`: their account doesn't work. */
export type PasswordListKind = 'active' | 'expiring' | 'unused' | 'suspended' | 'expired' | 'revoked';

/** Epoch milliseconds: what ends until `soon` is expiring, what wasn't used since `idle` is unused. */
export type ListTimes = { readonly now: number; readonly soon: number; readonly idle: number };

export type PasswordListStore = {
  count(kind: PasswordListKind, times: ListTimes): Promise<number>;
  /** In an order of its own for each kind: what ends or was used first, what ended last. */
  page(kind: PasswordListKind, times: ListTimes, limit: number, offset: number): Promise<ListedPassword[]>;
};

const works = "p.revoked_at is null and p.expires_at > $1 and a.state = 'active'";
/** $1 is now; $2 is `soon` or `idle` where a condition has it. */
const lists: Readonly<Record<PasswordListKind, { where: string; order: string; second?: 'soon' | 'idle' }>> = {
  active: { where: works, order: 'a.login, p.name, p.id' },
  expiring: {
    where: `${works} and p.expires_at <= $2 and p.replaced_by is null`,
    order: 'p.expires_at, p.id',
    second: 'soon',
  },
  unused: {
    where: `${works} and coalesce(p.used_at, p.created_at) < $2`,
    order: 'coalesce(p.used_at, p.created_at), p.id',
    second: 'idle',
  },
  suspended: {
    where: "p.revoked_at is null and p.expires_at > $1 and a.state <> 'active'",
    order: 'a.login, p.name, p.id',
  },
  expired: { where: 'p.revoked_at is null and p.expires_at <= $1', order: 'p.expires_at desc, p.id' },
  revoked: { where: 'p.revoked_at is not null and p.revoked_at <= $1', order: 'p.revoked_at desc, p.id' },
};

export function createPasswordListStore(sql: Sql): PasswordListStore {
  const query = (kind: PasswordListKind, times: ListTimes) => {
    const { where, order, second } = lists[kind];
    return { where, order, values: second === undefined ? [times.now] : [times.now, times[second]] };
  };
  return {
    async count(kind, times) {
      const { where, values } = query(kind, times);
      const text = `select count(*) as count from app_password p join account a on a.id = p.account_id where ${where}`;
      return (await sql.get<{ count: number }>(text, values))?.count ?? 0;
    },
    page(kind, times, limit, offset) {
      const { where, order, values } = query(kind, times);
      const text = `${withReason} where ${where} order by ${order} limit $${values.length + 1} offset $${values.length + 2}`;
      return sql.all<ListedPassword>(text, [...values, limit, offset]);
    },
  };
}
