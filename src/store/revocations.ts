/** Owns every statement on `revocation`: what administrators revoked, and how it is undone. */
import { type AuditRowOf, runAudited } from './audit-events.ts';
import { type Conditions, createConditions, idParameters, inPieces, padded } from './conditions.ts';
import { locks } from './locks.ts';
import { type ListedPassword, makerColumns } from './passwords.ts';
import type { Sql, Statement } from './sql.ts';
import { grace, isApproved } from './terminal-requests.ts';

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
  readonly undo_checked: number | null;
};

/** What selects a password; times are epoch milliseconds. */
export type PasswordFilter = {
  readonly passwordId?: string | undefined;
  readonly createdBefore?: number | undefined;
  readonly unusedSince?: number | undefined;
};

/** `ended`: by another revocation, whose undo can still bring it back. */
export type SelectedPassword = {
  readonly id: string;
  readonly account_id: string;
  readonly state: 'active' | 'ended';
};

/** A terminal that its owner has approved, and that has yet to collect its password. */
export type SelectedApproval = { readonly id: string; readonly account_id: string };

/** `kind`: of the account. */
export type Owner = { readonly id: string; readonly login: string; readonly kind: 'person' | 'robot' };

export type RevocationStore = {
  /**
   * Passwords of these accounts that are active or can be again, as of one moment: none is missing because an undo is under
   * way. @param accountIds at most `idsAtOnce`
   */
  passwords(accountIds: readonly string[], filter: PasswordFilter, now: number): Promise<SelectedPassword[]>;
  /**
   * What these accounts have approved before `createdBefore`: it would become a password. None for one password, or for
   * those that weren't used. @param accountIds at most `idsAtOnce`
   */
  approved(accountIds: readonly string[], filter: PasswordFilter, now: number): Promise<SelectedApproval[]>;
  /** As lists show them, in no order. @param ids at most `idsAtOnce` */
  listed(ids: readonly string[]): Promise<ListedPassword[]>;
  begin(revocation: RevocationRow, audit: AuditRowOf): Promise<void>;
  /**
   * Ends what is active of these accounts now, all or none, unless it was undone meanwhile: what was rotated since it was
   * selected, too, and no rotation that isn't stored yet can still succeed. Their approvals end with it. What others have
   * ended it means too, so that undoing those leaves it to this one. @returns how many it ended
   */
  end(revocation: RevocationRow, accountIds: readonly string[], filter: PasswordFilter): Promise<number>;
  /**
   * Ends approvals for good, and, unless it was undone meanwhile, the passwords that were collected of them at the same moment.
   * @returns how many of those there were
   */
  endApprovals(revocation: RevocationRow, approvalIds: readonly string[]): Promise<number>;
  /** Writes down how many passwords it ended. */
  complete(id: string): Promise<void>;
  /** False where it is too late, undone already, or was made by an older version. */
  markUndone(id: string, by: string, at: number, audit: AuditRowOf): Promise<boolean>;
  /** Ids of at most `limit` passwords of a revocation that is undone for which `restore` has something to do. */
  restorable(id: string, limit: number): Promise<string[]>;
  /**
   * Leaves those of the passwords that are still of this revocation, which is undone, to others in force that mean them too,
   * and lets the rest work again. @returns how many work again
   */
  restore(id: string, passwordIds: readonly string[]): Promise<number>;
  /** Passwords that the revocation ended, as lists show them; the newest first. */
  passwordsOf(id: string, limit: number): Promise<ListedPassword[]>;
  /** Who the accounts are. @param ids at most `idsAtOnce` */
  owners(ids: readonly string[]): Promise<Owner[]>;
  byId(id: string): Promise<RevocationRow | undefined>;
  latest(count: number, offset: number): Promise<RevocationRow[]>;
  count(): Promise<number>;
};

const insert = `
  insert into revocation (id, at, actor, reason, selection_json, passwords, undo_until, undo_checked)
  values ($1, $2, $3, $4, $5, $6, $7, 1)`;
/** What makes a password does the same first: it's either stored and seen, or sees what has ended. */
const lockAccounts = `update account set state = state where id in (${idParameters(1)})`;
/** Of the owners of passwords that it ended, whatever they were selected by. */
const forgetApprovalsOfOwners = `
  delete from terminal_request where collected_at is null and account_id in (${idParameters(2)})
    and exists (select 1 from app_password p where p.account_id = terminal_request.account_id and p.revocation_id = $1)`;
const endApprovals = `delete from terminal_request where collected_at is null and id in (${idParameters(1)})`;
/** A terminal can have been faster. */
const revokeCollected = `
  update app_password set revoked_at = $1, revoked_by = $2, revocation_id = $3
  where revoked_at is null and exists (select 1 from revocation where id = $3 and undone_at is null)
    and id in (select password_id from terminal_request where id in (${idParameters(4)}))`;
const others = `
  revocation_also o join revocation r on r.id = o.revocation_id
  where r.undone_at is null and r.id <> $1 and o.password_id`;
const firstOther = `select min(r.id) from ${others} = app_password.id`;
const isMeantByOther = `exists (select 1 from ${others} = app_password.id)`;
const isOfMachine = "coalesce(origin, '') = 'machine'";
const isUndone = 'exists (select 1 from revocation where id = $1 and undone_at is not null)';
/** Not ordered by id: as SQLite finds them, a piece is in a few pages of the table, and by id it's in a thousand. */
const restorable = `
  select id from app_password
  where revocation_id = $1 and ${isUndone} and (not ${isOfMachine} or ${isMeantByOther}) limit $2`;
/**
 * Asked again of a row that another changed meanwhile: what was revoked for good stays so. `coalesce` keeps the planner off
 * the index on revocation_id: a revocation can have 100,000 rows, a piece has few.
 */
const inPiece = `coalesce(revocation_id, '') = $1 and id in (${idParameters(2)})`;
const leaveToOthers = `
  update app_password set revocation_id = (${firstOther}),
    revoked_by = (select actor from revocation where id = (${firstOther}))
  where ${inPiece} and ${isMeantByOther}`;
const complete = `
  update revocation set passwords = (select count(*) from app_password where revocation_id = $1)
  where id = $1 and undone_at is null`;
const markUndone = `
  update revocation set undone_at = $2, undone_by = $3 
  where id = $1 and undone_at is null and undo_until >= $2 and undo_checked = 1`;
const restore = `
  update app_password set revoked_at = null, revoked_by = null, revocation_id = null
  where ${inPiece} and not ${isOfMachine} and not ${isMeantByOther} and ${isUndone}`;
/**
 * In PostgreSQL, a piece that is restored and one that ends exclude each other: either the one that ends finds it active, or
 * the one that restores finds that it's meant. SQLite has one writer.
 */
const oneAfterAnother = `select pg_advisory_xact_lock(${locks.revocations})`;
const selected = `
  select p.*, a.login, a.kind, null as revocation_reason, null as identity_services, ${makerColumns}
  from app_password p join account a on a.id = p.account_id left join account m on m.id = p.maker_id`;
const listed = `${selected} where p.id in (${idParameters()})`;
const passwordsOf = `${selected} where p.revocation_id = $1 order by p.created_at desc, p.id limit $2`;
const isActive = () => 'p.revoked_at is null';
/** An undo that broke off continues, however late. */
const canReturn = (at: string) => `p.revoked_at is not null and exists (
  select 1 from revocation r
  where r.id = p.revocation_id and r.undo_checked = 1 and (r.undo_until >= ${at} or r.undone_at is not null))`;
const isActiveOrCanReturn = (at: string) => `(${isActive()} or (${canReturn(at)}))`;
const owners = `select id, login, kind from account where id in (${idParameters()})`;

/** @param state of the passwords `p` that are meant, given the parameter of the time */
function conditionsOf(
  state: (at: string) => string,
  accountIds: readonly string[],
  { passwordId, createdBefore, unusedSince }: PasswordFilter,
  now: number,
): Conditions {
  const conditions = createConditions();
  const ids = padded(accountIds).map(conditions.parameter);
  conditions.add((at) => `p.expires_at > ${at} and ${state(at)} and p.account_id in (${ids.join(', ')})`, now);
  if (passwordId !== undefined) conditions.add((value) => `p.id = ${value}`, passwordId);
  if (createdBefore !== undefined) conditions.add((value) => `p.created_at < ${value}`, createdBefore);
  if (unusedSince !== undefined) {
    conditions.add((value) => `coalesce(p.used_at, p.created_at) < ${value}`, unusedSince);
  }
  return conditions;
}

function revokeActive({ id, at, actor }: RevocationRow, accountIds: readonly string[], filter: PasswordFilter) {
  const conditions = conditionsOf(isActive, accountIds, filter, at);
  conditions.add((of) => `exists (select 1 from revocation where id = ${of} and undone_at is null)`, id);
  const [revokedAt, by, revocation] = [at, actor, id].map(conditions.parameter);
  const text = `
    update app_password as p set revoked_at = ${revokedAt}, revoked_by = ${by}, revocation_id = ${revocation}
    ${conditions.where()}`;
  return { text, values: conditions.values };
}

/** What is marked here stays ended when those that ended it are undone. */
function alsoMean({ id, at }: RevocationRow, accountIds: readonly string[], filter: PasswordFilter): Statement {
  const conditions = conditionsOf(canReturn, accountIds, filter, at);
  conditions.add((own) => `p.revocation_id <> ${own}`, id);
  const text = `
    insert into revocation_also (password_id, revocation_id)
    select p.id, cast(${conditions.parameter(id)} as text) from app_password p ${conditions.where()}
    on conflict do nothing`;
  return { text, values: conditions.values };
}

export function createRevocationStore(sql: Sql): RevocationStore {
  const locked: readonly Statement[] = sql.engine === 'postgres' ? [{ text: oneAfterAnother, values: [] }] : [];
  return {
    passwords(accountIds, filter, now) {
      const conditions = conditionsOf(isActiveOrCanReturn, accountIds, filter, now);
      const text = `
        select p.id, p.account_id, case when ${isActive()} then 'active' else 'ended' end as state
        from app_password p ${conditions.where()}`;
      return sql.all<SelectedPassword>(text, conditions.values);
    },
    async approved(accountIds, { passwordId, createdBefore, unusedSince }, now) {
      if (passwordId !== undefined || unusedSince !== undefined) return [];
      const conditions = createConditions();
      const ids = padded(accountIds).map(conditions.parameter);
      conditions.add(isApproved, now);
      // The same, in the words of an index: what has expired stays for a day.
      conditions.add((at) => `expires_at > ${at}`, now - grace);
      if (createdBefore !== undefined) conditions.add((value) => `decided_at < ${value}`, createdBefore);
      const text = `
        select t.id, a.id as account_id from terminal_request t join account a on a.id = t.account_id
        ${conditions.where()} and a.id in (${ids.join(', ')})`;
      return sql.all<SelectedApproval>(text, conditions.values);
    },
    listed: (ids) => sql.all<ListedPassword>(listed, padded(ids)),
    async begin({ id, at, actor, reason, selection_json, passwords, undo_until }, audit) {
      const values = [id, at, actor, reason, selection_json, passwords, undo_until];
      await runAudited(sql, { text: insert, values }, audit);
    },
    end: (revocation, accountIds, filter) =>
      sql.atomic(function* () {
        const pieces = inPieces(accountIds);
        yield* locked;
        for (const piece of pieces) yield { text: lockAccounts, values: padded(piece) };
        let ended = 0;
        for (const piece of pieces) {
          ended += yield revokeActive(revocation, piece, filter);
          yield { text: forgetApprovalsOfOwners, values: [revocation.id, ...padded(piece)] };
          yield alsoMean(revocation, piece, filter);
        }
        return ended;
      }),
    async endApprovals({ id, at, actor }, approvalIds) {
      const pieces = inPieces(approvalIds);
      const ended = await sql.batch([
        ...pieces.map((piece) => ({ text: endApprovals, values: padded(piece) })),
        ...pieces.map((piece) => ({ text: revokeCollected, values: [at, actor, id, ...padded(piece)] })),
      ]);
      return ended.slice(pieces.length).reduce((sum, count) => sum + count, 0);
    },
    async complete(id) {
      await sql.run(complete, [id]);
    },
    markUndone: async (id, by, at, audit) =>
      (await runAudited(sql, { text: markUndone, values: [id, at, by] }, audit)) === 1,
    async restorable(id, limit) {
      // Waits for a piece that ends and still found the revocation in force: what it ended is found, too.
      if (locked.length > 0) await sql.batch(locked);
      return (await sql.all<{ id: string }>(restorable, [id, limit])).map((row) => row.id);
    },
    restore: (id, passwordIds) =>
      sql.atomic(function* () {
        yield* locked;
        let restored = 0;
        for (const piece of inPieces(passwordIds)) {
          const values = [id, ...padded(piece)];
          yield { text: leaveToOthers, values };
          restored += yield { text: restore, values };
        }
        return restored;
      }),
    passwordsOf: (id, limit) => sql.all<ListedPassword>(passwordsOf, [id, limit]),
    owners: (ids) => sql.all<Owner>(owners, padded(ids)),
    byId: (id) => sql.get<RevocationRow>('select * from revocation where id = $1', [id]),
    latest: (count, offset) =>
      sql.all<RevocationRow>('select * from revocation order by at desc, id limit $1 offset $2', [count, offset]),
    count: async () => (await sql.get<{ count: number }>('select count(*) as count from revocation'))?.count ?? 0,
  };
}
