/** Owns every statement on `refresh_token`. */
import type { Account } from './accounts.ts';
import type { Sql } from './sql.ts';

export type RefreshTokenRow = { readonly account_id: string; readonly sealed: string; readonly obtained_at: number };

export type RefreshTokenStore = {
  ofAccount(accountId: string): Promise<RefreshTokenRow | undefined>;
  /** The one of a new sign-in, in place of the one before. */
  write(accountId: string, sealed: string, at: number): Promise<void>;
  /** The provider's next one; false, and nothing changed, where a sign-in has replaced `before` meanwhile. */
  rotate(accountId: string, before: string, sealed: string, at: number): Promise<boolean>;
  remove(accountId: string): Promise<void>;
  /** Disabled accounts of which a token is still here. */
  ofDisabled(): Promise<Account[]>;
};

const write = `
  insert into refresh_token (account_id, sealed, obtained_at) values ($1, $2, $3)
  on conflict (account_id) do update set sealed = excluded.sealed, obtained_at = excluded.obtained_at`;

const rotate = 'update refresh_token set sealed = $3, obtained_at = $4 where account_id = $1 and sealed = $2';

const ofDisabled = `
  select a.* from account a join refresh_token r on r.account_id = a.id where a.state = 'disabled' order by a.id`;

export function createRefreshTokenStore(sql: Sql): RefreshTokenStore {
  return {
    ofAccount: (accountId) => sql.get('select * from refresh_token where account_id = $1', [accountId]),
    async write(accountId, sealed, at) {
      await sql.run(write, [accountId, sealed, at]);
    },
    rotate: async (accountId, before, sealed, at) => (await sql.run(rotate, [accountId, before, sealed, at])) === 1,
    async remove(accountId) {
      await sql.run('delete from refresh_token where account_id = $1', [accountId]);
    },
    ofDisabled: () => sql.all<Account>(ofDisabled),
  };
}
