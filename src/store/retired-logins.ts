/** Owns every statement on `retired_login`: names of accounts that are gone, which no one else gets before an administrator agrees. */
import type { Account } from './accounts.ts';
import { type AuditRowOf, runAudited } from './audit-events.ts';
import { containing, createConditions } from './conditions.ts';
import type { Sql, Statement } from './sql.ts';

/** A row of `retired_login`; the columns are explained in migrations/0040_retired_login.sql. */
export type RetiredLogin = {
  readonly login: string;
  readonly kind: Account['kind'];
  readonly issuer: string;
  readonly subject: string;
  readonly owner_group: string | null;
  readonly at: number;
  readonly retired_by: string;
};

export type RetiredLoginStore = {
  /** `undefined` where an account has the login. */
  find(login: string): Promise<RetiredLogin | undefined>;
  /** Those that no account has, the latest first. @param search part of a login, case-folded; '' for all */
  list(search: string, limit: number): Promise<RetiredLogin[]>;
  /** How many `list` would have without a limit. */
  count(search: string): Promise<number>;
  /** Of an account that stays, and changes its login. */
  retire(accountId: string, by: string, at: number): Promise<void>;
  /** @param spellings of one login. False where it isn't retired in either. */
  release(spellings: readonly [string, string], audit: AuditRowOf): Promise<boolean>;
};

const retire = `
  insert into retired_login (login, kind, issuer, subject, owner_group, at, retired_by)
  select login, kind, issuer, subject, owner_group, cast($2 as bigint), cast($3 as text) from account where id = $1
  on conflict (login) do update set kind = excluded.kind, issuer = excluded.issuer, subject = excluded.subject,
    owner_group = excluded.owner_group, at = excluded.at, retired_by = excluded.retired_by`;
const release = 'delete from retired_login where login in ($1, $2)';
const releaseOf = 'delete from retired_login where login in (select login from account where id = $1)';
const isFree = 'not exists (select 1 from account a where a.login = retired_login.login)';

/** Belongs into the transaction that removes the account, before it's gone. */
export function retireLogin(accountId: string, by: string, at: number): Statement {
  return { text: retire, values: [accountId, at, by] };
}

/** The login is for whoever comes with it next, whoever had it before this account. */
export function releaseLogin(accountId: string): Statement {
  return { text: releaseOf, values: [accountId] };
}

function matching(search: string): ReturnType<typeof createConditions> {
  const conditions = createConditions(isFree);
  if (search !== '') conditions.add((value) => `login like ${value} escape '\\'`, containing(search));
  return conditions;
}

export function createRetiredLoginStore(sql: Sql): RetiredLoginStore {
  return {
    find: (login) => sql.get<RetiredLogin>(`select * from retired_login where login = $1 and ${isFree}`, [login]),
    list(search, limit) {
      const conditions = matching(search);
      const text = `select * from retired_login ${conditions.where()} order by at desc, login limit ${conditions.parameter(limit)}`;
      return sql.all<RetiredLogin>(text, conditions.values);
    },
    async count(search) {
      const conditions = matching(search);
      const text = `select count(*) as count from retired_login ${conditions.where()}`;
      return (await sql.get<{ count: number }>(text, conditions.values))?.count ?? 0;
    },
    async retire(accountId, by, at) {
      await sql.run(retire, retireLogin(accountId, by, at).values);
    },
    release: async (spellings, audit) => (await runAudited(sql, { text: release, values: spellings }, audit)) > 0,
  };
}
