/** Owns every statement on `account_move`: which accounts may follow their person to another issuer or provider. */

import type { Account } from './accounts.ts';
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

/** Who signs in. */
export type Arrival = Pick<Account, 'provider' | 'issuer' | 'subject'>;

export type AccountMoveStore = {
  allow(move: AccountMove, audit: AuditRowOf): Promise<void>;
  /** What lets this account follow who signs in; a move only with the same subject. */
  find(account: Account, arrival: Arrival, now: number): Promise<AccountMove | undefined>;
  /**
   * Gives the account the identity of who signs in, ends its sessions, and uses a relink up. The state, passwords and revocations
   * stay as they are. False where another sign-in was first.
   */
  follow(account: Account, move: AccountMove, arrival: Arrival, audit: AuditRowOf): Promise<boolean>;
  /** How many people's accounts have this issuer. */
  countOfIssuer(issuer: string): Promise<number>;
};

const insert = `
  insert into account_move (id, account_id, from_issuer, to_issuer, provider, at, created_by, until)
  values ($1, $2, $3, $4, $5, $6, $7, $8)`;
const find = `
  select * from account_move
  where (account_id = $1 and provider = $2 and until > $3) or (from_issuer = $4 and to_issuer = $5 and cast($6 as text) = cast($7 as text))
  order by at desc, id limit 1`;
const follow = `
  update account set provider = $2, issuer = $3, subject = $4
  where id = $1 and issuer = $5 and subject = $6 and exists (select 1 from account_move where id = $7)`;

export function createAccountMoveStore(sql: Sql): AccountMoveStore {
  return {
    async allow(move, audit) {
      const { id, account_id, from_issuer, to_issuer, provider, at, created_by, until } = move;
      const values = [id, account_id, from_issuer, to_issuer, provider, at, created_by, until];
      await runAudited(sql, { text: insert, values }, audit);
    },
    find(account, { provider, issuer, subject }, now) {
      const values = [account.id, provider, now, account.issuer, issuer, account.subject, subject];
      return sql.get<AccountMove>(find, values);
    },
    follow: (account, move, { provider, issuer, subject }, audit) =>
      sql.atomic(function* () {
        const values = [account.id, provider, issuer, subject, account.issuer, account.subject, move.id];
        if ((yield { text: follow, values }) === 0) return false;
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
