/** Owns every statement on `revocation`: what administrators revoked, and how it is undone. */
import { type Conditions, createConditions, endingWith, idParameters, inPieces, padded } from './conditions.ts';
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

/** What SQL can tell of a selection; times are epoch milliseconds. */
export type PasswordFilter = {
  readonly passwordId?: string | undefined;
  readonly accountId?: string | undefined;
  readonly domain?: string | undefined;
  readonly provider?: string | undefined;
  readonly createdBefore?: number | undefined;
  readonly unusedSince?: number | undefined;
};

export type RevocationStore = {
  /** Live passwords in the order of their ids, after the given one. */
  live(filter: PasswordFilter, now: number, after: string, limit: number): Promise<ListedPassword[]>;
  /** Ends those of the passwords that still live; all or none. */
  revoke(revocation: RevocationRow, passwordIds: readonly string[]): Promise<void>;
  /** @returns how many passwords live again; `null` where it is too late, or undone already */
  undo(id: string, by: string, at: number): Promise<number | null>;
  byId(id: string): Promise<RevocationRow | undefined>;
  latest(count: number): Promise<RevocationRow[]>;
};

const insert = `
  insert into revocation (id, at, actor, reason, selection_json, passwords, undo_until)
  values ($1, $2, $3, $4, $5, $6, $7)`;
const revoke = `
  update app_password set revoked_at = $1, revoked_by = $2, revocation_id = $3
  where revoked_at is null and id in (${idParameters(4)})`;
const markUndone = `
  update revocation set undone_at = $2, undone_by = $3 where id = $1 and undone_at is null and undo_until >= $2`;
const restore = `
  update app_password set revoked_at = null, revoked_by = null, revocation_id = null
  where revocation_id = $1 and exists (select 1 from revocation where id = $1 and undone_at is not null)`;

export function createRevocationStore(sql: Sql): RevocationStore {
  return {
    live(filter, now, after, limit) {
      const conditions = conditionsOf(filter, now);
      conditions.add((value) => `p.id > ${value}`, after);
      const text = `select p.*, a.login, a.kind, null as revocation_reason, null as identity_services from app_password p join account a on a.id = p.account_id
        ${conditions.where()} order by p.id limit ${conditions.parameter(limit)}`;
      return sql.all<ListedPassword>(text, conditions.values);
    },
    async revoke({ id, at, actor, reason, selection_json, passwords, undo_until }, passwordIds) {
      await sql.batch([
        { text: insert, values: [id, at, actor, reason, selection_json, passwords, undo_until] },
        ...inPieces(passwordIds).map((piece) => ({ text: revoke, values: [at, actor, id, ...padded(piece)] })),
      ]);
    },
    async undo(id, by, at) {
      const [undone, restored = 0] = await sql.batch([
        { text: markUndone, values: [id, at, by] },
        { text: restore, values: [id] },
      ]);
      return undone === 1 ? restored : null;
    },
    byId: (id) => sql.get<RevocationRow>('select * from revocation where id = $1', [id]),
    latest: (count) => sql.all<RevocationRow>('select * from revocation order by at desc, id limit $1', [count]),
  };
}

function conditionsOf(filter: PasswordFilter, now: number) {
  const conditions = createConditions('p.revoked_at is null');
  conditions.add((value) => `p.expires_at > ${value}`, now);
  const { passwordId, accountId, domain, provider, createdBefore, unusedSince } = filter;
  if (passwordId !== undefined) conditions.add((value) => `p.id = ${value}`, passwordId);
  if (accountId !== undefined) conditions.add((value) => `p.account_id = ${value}`, accountId);
  if (domain !== undefined) addDomain(conditions, domain);
  if (provider !== undefined) conditions.add((value) => `a.provider = ${value}`, provider);
  if (createdBefore !== undefined) conditions.add((value) => `p.created_at < ${value}`, createdBefore);
  if (unusedSince !== undefined) conditions.add((value) => `coalesce(p.used_at, p.created_at) < ${value}`, unusedSince);
  return conditions;
}

/** Whose domain no provider has told yet, belongs to that of the e-mail where it is about taking away. */
function addDomain(conditions: Conditions, domain: string): void {
  const told = conditions.parameter(domain);
  conditions.add(
    (value) => `(a.domain = ${told} or (a.domain is null and a.login like ${value} escape '\\'))`,
    endingWith(`@${domain}`),
  );
}
