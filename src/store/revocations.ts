/** Owns every statement on `revocation`: what administrators revoked, and how it is undone. */
import { type AuditRowOf, runAudited } from './audit-events.ts';
import { createConditions, idParameters, inPieces, padded } from './conditions.ts';
import type { ListedPassword } from './passwords.ts';
import type { Sql } from './sql.ts';

/** A row of `revocation`; the columns are explained in migrations/0006_administration.sql. */
export type RevocationRow = {
  readonly id: string;
  readonly at: number;
  readonly actor: string;
  readonly reason: string;
  readonly selection_json: string;
  readonly passwords: number;
  readonly undo_until: number;
  readonly undone_at: number | null;
  readonly undone_by: string | null;
};

/** What tells of a password whether it is meant; times are epoch milliseconds. */
export type PasswordFilter = {
  readonly passwordId?: string | undefined;
  readonly createdBefore?: number | undefined;
  readonly unusedSince?: number | undefined;
};

export type SelectedPassword = { readonly id: string; readonly account_id: string };

export type RevocationStore = {
  /** Live passwords of these accounts. @param accountIds at most `idsAtOnce` */
  live(accountIds: readonly string[], filter: PasswordFilter, now: number): Promise<SelectedPassword[]>;
  /** As lists show them, in no order. @param ids at most `idsAtOnce` */
  listed(ids: readonly string[]): Promise<ListedPassword[]>;
  begin(revocation: RevocationRow, audit: AuditRowOf): Promise<void>;
  /** Ends those of the passwords that still live, all or none, unless it was undone meanwhile. @returns how many */
  end(revocation: RevocationRow, passwordIds: readonly string[]): Promise<number>;
  /** Writes down how many passwords it ended. */
  complete(id: string): Promise<void>;
  /** False where it is too late, or undone already. */
  markUndone(id: string, by: string, at: number, audit: AuditRowOf): Promise<boolean>;
  /** Lets at most `limit` passwords of a revocation that is undone live again. @returns how many did */
  restore(id: string, limit: number): Promise<number>;
  byId(id: string): Promise<RevocationRow | undefined>;
  latest(count: number): Promise<RevocationRow[]>;
};

const insert = `
  insert into revocation (id, at, actor, reason, selection_json, passwords, undo_until)
  values ($1, $2, $3, $4, $5, $6, $7)`;
const revoke = `
  update app_password set revoked_at = $1, revoked_by = $2, revocation_id = $3
  where revoked_at is null and exists (select 1 from revocation where id = $3 and undone_at is null)
    and id in (${idParameters(4)})`;
const complete = `
  update revocation set passwords = (select count(*) from app_password where revocation_id = $1)
  where id = $1 and undone_at is null`;
const markUndone = `
  update revocation set undone_at = $2, undone_by = $3 where id = $1 and undone_at is null and undo_until >= $2`;
const restore = `
  update app_password set revoked_at = null, revoked_by = null, revocation_id = null
  where id in (select id from app_password where revocation_id = $1 limit $2)
    and exists (select 1 from revocation where id = $1 and undone_at is not null)`;
const listed = `
  select p.*, a.login, a.kind, null as revocation_reason, null as identity_services
  from app_password p join account a on a.id = p.account_id where p.id in (${idParameters()})`;

export function createRevocationStore(sql: Sql): RevocationStore {
  return {
    live(accountIds, { passwordId, createdBefore, unusedSince }, now) {
      const conditions = createConditions('p.revoked_at is null');
      const ids = padded(accountIds).map(conditions.parameter);
      conditions.add((value) => `p.expires_at > ${value}`, now);
      if (passwordId !== undefined) conditions.add((value) => `p.id = ${value}`, passwordId);
      if (createdBefore !== undefined) conditions.add((value) => `p.created_at < ${value}`, createdBefore);
      if (unusedSince !== undefined) {
        conditions.add((value) => `coalesce(p.used_at, p.created_at) < ${value}`, unusedSince);
      }
      const text = `
        select p.id, p.account_id from app_password p ${conditions.where()} and p.account_id in (${ids.join(', ')})`;
      return sql.all<SelectedPassword>(text, conditions.values);
    },
    listed: (ids) => sql.all<ListedPassword>(listed, padded(ids)),
    async begin({ id, at, actor, reason, selection_json, passwords, undo_until }, audit) {
      const values = [id, at, actor, reason, selection_json, passwords, undo_until];
      await runAudited(sql, { text: insert, values }, audit);
    },
    async end({ id, at, actor }, passwordIds) {
      const pieces = inPieces(passwordIds);
      const ended = await sql.batch(
        pieces.map((piece) => ({ text: revoke, values: [at, actor, id, ...padded(piece)] })),
      );
      return ended.reduce((sum, count) => sum + count, 0);
    },
    async complete(id) {
      await sql.run(complete, [id]);
    },
    markUndone: async (id, by, at, audit) =>
      (await runAudited(sql, { text: markUndone, values: [id, at, by] }, audit)) === 1,
    restore: (id, limit) => sql.run(restore, [id, limit]),
    byId: (id) => sql.get<RevocationRow>('select * from revocation where id = $1', [id]),
    latest: (count) => sql.all<RevocationRow>('select * from revocation order by at desc, id limit $1', [count]),
  };
}
