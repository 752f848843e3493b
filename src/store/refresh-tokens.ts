/** Owns every statement on `refresh_token`. */
import type { Account } from './accounts.ts';
import type { Sql } from './sql.ts';

export type RefreshTokenRow = {
  readonly account_id: string;
  readonly sealed: string;
  readonly obtained_at: number;
  /** The OAuth client it was issued to; `null`: not known; '': not the one of today. */
  readonly client_id: string | null;
};

export type RefreshTokenStore = {
  ofAccount(accountId: string): Promise<RefreshTokenRow | undefined>;
  /** The one of a new sign-in, in place of the one before. */
  write(accountId: string, sealed: string, clientId: string, at: number): Promise<void>;
  /** The provider's next one; false, and nothing changed, where a sign-in has replaced `before` meanwhile. */
  rotate(accountId: string, before: string, sealed: string, at: number): Promise<boolean>;
  /** Notes whose token it turned out to be, where that wasn't known; '' is any client but the one of today. */
  noteClient(accountId: string, clientId: string): Promise<void>;
  remove(accountId: string): Promise<void>;
  /** Accounts of an issuer of which a token is kept, in the order of their ids, `limit` at the most after `id`. */
  ofIssuer(issuer: string, id: string, limit: number): Promise<Account[]>;
  /** Disabled accounts of which a token is still here. */
  ofDisabled(): Promise<Account[]>;
};

const write = `
  insert into refresh_token (account_id, sealed, client_id, obtained_at) values ($1, $2, $3, $4)
  on conflict (account_id) do update
    set sealed = excluded.sealed, client_id = excluded.client_id, obtained_at = excluded.obtained_at`;

const rotate = 'update refresh_token set sealed = $3, obtained_at = $4 where account_id = $1 and sealed = $2';

const noteClient = 'update refresh_token set client_id = $2 where account_id = $1 and client_id is null';

const ofDisabled = `
  select a.* from account a join refresh_token r on r.account_id = a.id where a.state = 'disabled' order by a.id`;

const ofIssuer = `
  select a.* from account a join refresh_token r on r.account_id = a.id where a.issuer = $1 and a.id > $2
  order by a.id limit $3`;

export function createRefreshTokenStore(sql: Sql): RefreshTokenStore {
  return {
    ofAccount: (accountId) => sql.get('select * from refresh_token where account_id = $1', [accountId]),
    async write(accountId, sealed, clientId, at) {
      await sql.run(write, [accountId, sealed, clientId, at]);
    },
    rotate: async (accountId, before, sealed, at) => (await sql.run(rotate, [accountId, before, sealed, at])) === 1,
    async noteClient(accountId, clientId) {
      await sql.run(noteClient, [accountId, clientId]);
    },
    async remove(accountId) {
      await sql.run('delete from refresh_token where account_id = $1', [accountId]);
    },
    ofIssuer: (issuer, id, limit) => sql.all<Account>(ofIssuer, [issuer, id, limit]),
    ofDisabled: () => sql.all<Account>(ofDisabled),
  };
}
