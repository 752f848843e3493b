/** Owns every statement on `api_token`. */
import type { Account } from './accounts.ts';
import { type AuditRowOf, runAudited } from './audit-events.ts';
import type { Sql } from './sql.ts';

/** A row of `api_token`; the columns are explained in migrations/0006_administration.sql. */
export type ApiTokenRow = {
  readonly id: string;
  readonly account_id: string | null;
  readonly created_by: string;
  readonly name: string;
  readonly hash: string;
  readonly pepper_id: string;
  readonly hint: string;
  readonly scopes_json: string;
  readonly created_at: number;
  readonly expires_at: number;
  readonly revoked_at: number | null;
  readonly revoked_by: string | null;
  readonly used_at: number | null;
  readonly used_address: string | null;
};

export type NewApiToken = Omit<ApiTokenRow, 'revoked_at' | 'revoked_by' | 'used_at' | 'used_address'>;

export type ApiTokenStore = {
  insert(token: NewApiToken, audit: AuditRowOf): Promise<void>;
  byHash(hash: string): Promise<ApiTokenRow | undefined>;
  byId(id: string): Promise<ApiTokenRow | undefined>;
  /** The account that made it; `undefined` for tokens of the command line. */
  creator(id: string): Promise<Account | undefined>;
  /** The newest first. */
  all(): Promise<ApiTokenRow[]>;
  /** False when it is not there or was revoked before. */
  revoke(id: string, by: string, at: number, audit: AuditRowOf): Promise<boolean>;
  /** Notes a use, unless one less than `interval` milliseconds before is noted. */
  recordUse(id: string, use: { readonly at: number; readonly address: string }, interval: number): Promise<void>;
};

const insert = `
  insert into api_token (id, account_id, created_by, name, hash, pepper_id, hint, scopes_json, created_at, expires_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`;
const creator = 'select a.* from account a join api_token t on t.account_id = a.id where t.id = $1';
const revoke = 'update api_token set revoked_at = $3, revoked_by = $2 where id = $1 and revoked_at is null';
const recordUse = `
  update api_token set used_at = $2, used_address = $3 where id = $1 and (used_at is null or used_at <= $4)`;

export function createApiTokenStore(sql: Sql): ApiTokenStore {
  return {
    async insert(token, audit) {
      const { id, account_id, created_by, name, hash, pepper_id, hint, scopes_json, created_at, expires_at } = token;
      const secret = [hash, pepper_id, hint];
      const values = [id, account_id, created_by, name, ...secret, scopes_json, created_at, expires_at];
      await runAudited(sql, { text: insert, values }, audit);
    },
    byHash: (hash) => sql.get<ApiTokenRow>('select * from api_token where hash = $1', [hash]),
    byId: (id) => sql.get<ApiTokenRow>('select * from api_token where id = $1', [id]),
    creator: (id) => sql.get<Account>(creator, [id]),
    all: () => sql.all<ApiTokenRow>('select * from api_token order by created_at desc, id'),
    revoke: async (id, by, at, audit) => (await runAudited(sql, { text: revoke, values: [id, by, at] }, audit)) === 1,
    async recordUse(id, { at, address }, interval) {
      await sql.run(recordUse, [id, at, address, at - interval]);
    },
  };
}
