/** Owns every statement on `account_move`: which accounts may follow their person to another issuer or provider. */

import { type Account, byAuthority } from './accounts.ts';
import { type AuditRowOf, addRow, runAudited } from './audit-events.ts';
import type { Sql } from './sql.ts';

/** A row of `account_move`; the columns are explained in `migrations/`. */
export type AccountMove = {
  readonly id: string;
  readonly account_id: string | null;
  readonly from_issuer: string | null;
  readonly to_issuer: string | null;
  readonly provider: string | null;
  readonly at: number;
  readonly created_by: string;
  readonly until: number | null;
};

/** `login`: of the one account that may follow; `null` for a move. */
export type MoveInForce = AccountMove & { readonly login: string | null };

/** Who signs in. */
export type Arrival = Pick<Account, 'provider' | 'issuer' | 'subject'>;

export type AccountMoveStore = {
  allow(move: AccountMove, audit: AuditRowOf): Promise<void>;
  /** What hasn't ended, newest first. */
  inForce(now: number): Promise<MoveInForce[]>;
  /** False where it has ended already. */
  end(id: string, audit: AuditRowOf): Promise<boolean>;
  /** What lets this account follow who signs in; a move only with the same subject. */
  find(account: Account, arrival: Arrival, now: number): Promise<AccountMove | undefined>;
  /**
   * Gives the account the identity of who signs in, ends its sessions, and uses a relink up. Passwords and revocations stay as
   * they are, and so does the state: what the old provider disabled, a sign-in at the new one doesn't enable, unless it's only
   * suspended because the old one isn't the authority for its address. What the old provider reported doesn't count any more. False
   * where another sign-in was first.
   */
  follow(account: Account, move: AccountMove, arrival: Arrival, audit: AuditRowOf): Promise<boolean>;
  /** How many people's accounts have this issuer. */
  countOfIssuer(issuer: string): Promise<number>;
};

const insert = `
  insert into account_move (id, account_id, from_issuer, to_issuer, provider, at, created_by, until)
  values ($1, $2, $3, $4, $5, $6, $7, $8)`;
const inForce = `
  select m.*, a.login from account_move m left join account a on a.id = m.account_id
  where (m.account_id is null or a.id is not null) and (m.until is null or m.until > $1) order by m.at desc, m.id`;
/** A provider's metadata can write its issuer with a slash at the end where the settings have none. */
const find = `
  select * from account_move
  where (account_id = $1 and provider = $2 and until > $3)
    or (from_issuer = $4 and rtrim(to_issuer, '/') = rtrim($5, '/') and cast($6 as text) = cast($7 as text))
  order by at desc, id limit 1`;
const follow = `
  update account set provider = $2, issuer = $3, subject = $4, labels_json = null,
    groups_json = '[]', groups_at = null, undecided_groups_json = null, groups_problem = null, groups_left_out_at = null,
    confirmed_at = null, checked_at = null, suspended_there = null,
    state_by = case when state = 'disabled' and coalesce(state_by, '') <> '${byAuthority}' then $8 else state_by end
  where id = $1 and issuer = $5 and subject = $6 and exists (select 1 from account_move where id = $7)`;

export function createAccountMoveStore(sql: Sql): AccountMoveStore {
  return {
    allow: (move, audit) =>
      sql.atomic(function* () {
        const { id, account_id, from_issuer, to_issuer, provider, at, created_by, until } = move;
        const values = [id, account_id, from_issuer, to_issuer, provider, at, created_by, until];
        yield { text: 'delete from account_move where until <= $1', values: [at] };
        yield { text: insert, values };
        yield* addRow(audit(1));
      }),
    inForce: (now) => sql.all<MoveInForce>(inForce, [now]),
    end: async (id, audit) =>
      (await runAudited(sql, { text: 'delete from account_move where id = $1', values: [id] }, audit)) === 1,
    find(account, { provider, issuer, subject }, now) {
      const values = [account.id, provider, now, account.issuer, issuer, account.subject, subject];
      return sql.get<AccountMove>(find, values);
    },
    follow: (account, move, { provider, issuer, subject }, audit) =>
      sql.atomic(function* () {
        const before = [account.issuer, account.subject, move.id, move.created_by];
        if ((yield { text: follow, values: [account.id, provider, issuer, subject, ...before] }) === 0) return false;
        yield { text: 'delete from web_session where account_id = $1', values: [account.id] };
        yield { text: 'delete from refresh_token where account_id = $1', values: [account.id] };
        if (move.account_id !== null) yield { text: 'delete from account_move where id = $1', values: [move.id] };
        yield* addRow(audit(1));
        return true;
      }),
    async countOfIssuer(issuer) {
      const text = "select count(*) as count from account where kind = 'person' and issuer = $1";
      return (await sql.get<{ count: number }>(text, [issuer]))?.count ?? 0;
    },
  };
}
