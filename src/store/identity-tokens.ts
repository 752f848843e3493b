/** Owns every statement on `identity_token`. */
import { type AuditRowOf, addRow } from './audit-events.ts';
import type { Sql } from './sql.ts';

/** A row of `identity_token`; the columns are explained in migrations/0005_identity_token.sql. */
export type IdentityTokenRow = {
  readonly hash: string;
  readonly password_id: string;
  readonly service: string;
  readonly created_at: number;
};

export type IdentityTokenStore = {
  /**
   * False, and nothing changed, where this one is stored already, or its password has another secret by now.
   * @param passwordHash of the secret that the token was made from
   */
  add(row: IdentityTokenRow, passwordHash: string, audit: AuditRowOf): Promise<boolean>;
  /** With the hash of the password behind it. */
  byHash(hash: string): Promise<(IdentityTokenRow & { readonly password_hash: string }) | undefined>;
};

/** It waits for what replaces the secret, which ends what was made of the first. A login that repeats writes nothing. */
const lockPassword = `
  update app_password set hash = hash
  where id = $1 and hash = $2 and not exists (select 1 from identity_token where hash = $3)`;

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
    add: ({ hash, password_id, service, created_at }, passwordHash, audit) =>
      sql.atomic(function* () {
        if ((yield { text: lockPassword, values: [password_id, passwordHash, hash] }) === 0) return false;
        const added = yield { text: insert, values: [hash, password_id, service, created_at] };
        if (added === 1) yield* addRow(audit(added));
        return added === 1;
      }),
    byHash: (hash) => sql.get(byHash, [hash]),
  };
}
