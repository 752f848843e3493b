/** Owns every statement on `identity_token`. */
import { type AuditRowOf, runAudited } from './audit-events.ts';
import type { Sql } from './sql.ts';

/** A row of `identity_token`; the columns are explained in migrations/0005_identity_token.sql. */
export type IdentityTokenRow = {
  readonly hash: string;
  readonly password_id: string;
  readonly service: string;
  readonly created_at: number;
};

export type IdentityTokenStore = {
  /** False, and nothing changed, where there is one of this password for this service already. */
  add(row: IdentityTokenRow, audit: AuditRowOf): Promise<boolean>;
  /** With the hash of the password behind it. */
  byHash(hash: string): Promise<(IdentityTokenRow & { readonly password_hash: string }) | undefined>;
};

const insert = `
  insert into identity_token (hash, password_id, service, created_at) values ($1, $2, $3, $4)
  on conflict (password_id, service) do update set hash = excluded.hash, created_at = excluded.created_at
  where identity_token.hash <> excluded.hash`;

const byHash = `
  select t.*, p.hash as password_hash
  from identity_token t join app_password p on p.id = t.password_id
  where t.hash = cast($1 as text)`;

export function createIdentityTokenStore(sql: Sql): IdentityTokenStore {
  return {
    add: async ({ hash, password_id, service, created_at }, audit) =>
      (await runAudited(sql, { text: insert, values: [hash, password_id, service, created_at] }, audit)) === 1,
    byHash: (hash) => sql.get(byHash, [hash]),
  };
}
