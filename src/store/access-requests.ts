/** Owns every statement on `access_request`: what people ask for after a denial, and the answers. */
import { type AuditRowOf, addRow, runAudited } from './audit-events.ts';
import type { Sql } from './sql.ts';

/** A row of `access_request`; the columns are explained in `migrations/`. */
export type AccessRequestRow = {
  readonly id: string;
  readonly account_id: string;
  readonly service: string;
  readonly name: string;
  readonly actions: string;
  readonly note: string;
  readonly address: string;
  readonly created_at: number;
  readonly answer: string | null;
  readonly answer_note: string | null;
  readonly answered_by: string | null;
  readonly answered_at: number | null;
  readonly granted_at: number | null;
  readonly closed_at: number | null;
  readonly withdrawn_at: number | null;
};

/** With the person's user name. */
export type ListedRequestRow = AccessRequestRow & { readonly login: string };

export type NewAccessRequest = Pick<
  AccessRequestRow,
  'id' | 'account_id' | 'service' | 'name' | 'actions' | 'note' | 'address' | 'created_at'
>;

export type RequestLimits = {
  /** Open requests of one person. */
  readonly open: number;
  /** Requests that one person withdrew since then. */
  readonly withdrawn: number;
  /** Epoch milliseconds. */
  readonly withdrawnSince: number;
  /** Epoch milliseconds: a refusal since then keeps the same repository from being asked for. */
  readonly refusedSince: number;
};

export type Answer = {
  readonly answer: 'accept' | 'refuse';
  readonly note: string;
  readonly by: string;
  /** The account of who answers, whose own requests are left alone; `null`: no account. */
  readonly byId: string | null;
  readonly at: number;
  /** When the answer was given that this one takes the place of, 0 for none; `null`: any. */
  readonly seen: number | null;
};

export type AccessRequestStore = {
  /** False, and nothing stored, where a limit is reached or the same is open already. */
  add(request: NewAccessRequest, limits: RequestLimits, audit: AuditRowOf): Promise<boolean>;
  byId(id: string): Promise<ListedRequestRow | undefined>;
  /** The newest first. */
  ofAccount(accountId: string): Promise<AccessRequestRow[]>;
  /** Open ones after that one, the oldest first. */
  open(limit: number, after?: Pick<AccessRequestRow, 'created_at' | 'id'>): Promise<ListedRequestRow[]>;
  countOpen(): Promise<number>;
  /** The oldest first. */
  openPage(limit: number, offset: number): Promise<ListedRequestRow[]>;
  /** The latest first, by when they closed. */
  closed(limit: number): Promise<ListedRequestRow[]>;
  /** False where it's closed, gone, one's own, or has another answer than was seen. A refusal closes it. */
  answer(id: string, answer: Answer, audit: AuditRowOf): Promise<boolean>;
  /** False where it's closed, gone, or someone else's. */
  withdraw(id: string, by: { readonly accountId: string; readonly at: number }, audit: AuditRowOf): Promise<boolean>;
  /** Closes what the policy in force grants. */
  markGranted(id: string, at: number): Promise<void>;
  /** Removes at most `limit` rows that were made, answered or closed last before. @returns how many */
  removeBefore(time: number, limit: number): Promise<number>;
};

/** Also queues those who change the same account, so that requests at the same moment are counted one by one. */
const lock = "update account set state = state where id = $1 and kind = 'person'";
const add = `
  insert into access_request (id, account_id, service, name, actions, note, address, created_at)
  select cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text), cast($6 as text),
         cast($7 as text), cast($8 as bigint)
  where (select count(*) from access_request where account_id = $2 and closed_at is null) < $9
    and (select count(*) from access_request where account_id = $2 and withdrawn_at > $12) < $11
    and not exists (select 1 from access_request where account_id = $2 and service = $3 and name = $4
                    and (closed_at is null or (answer = 'refuse' and closed_at > $10)))`;
const listed = 'select r.*, a.login from access_request r join account a on a.id = r.account_id';
const openAfter = 'where r.closed_at is null and (r.created_at, r.id) > ($2, $3) order by r.created_at, r.id limit $1';
const countOpen = 'select count(*) as count from access_request where closed_at is null';
const openPage = 'where r.closed_at is null order by r.created_at, r.id limit $1 offset $2';
const answer = `
  update access_request set answer = $2, answer_note = $3, answered_by = $4, answered_at = $5,
    closed_at = case when cast($2 as text) = 'refuse' then cast($5 as bigint) end
  where id = $1 and closed_at is null and account_id <> $6
    and (cast($7 as bigint) is null or coalesce(answered_at, 0) = $7)`;
const withdraw = `
  update access_request set withdrawn_at = $3, closed_at = $3
  where id = $1 and account_id = $2 and closed_at is null`;
const markGranted = 'update access_request set granted_at = $2, closed_at = $2 where id = $1 and closed_at is null';
const removeBefore = `
  delete from access_request where id in (
    select id from access_request where created_at < $1 and coalesce(closed_at, answered_at, created_at) < $1 limit $2)`;

export function createAccessRequestStore(sql: Sql): AccessRequestStore {
  return {
    add: (request, limits, audit) =>
      sql.atomic(function* () {
        const { id, account_id, service, name, actions, note, address, created_at } = request;
        if ((yield { text: lock, values: [account_id] }) === 0) return false;
        const values = [id, account_id, service, name, actions, note, address, created_at];
        const { open, refusedSince, withdrawn, withdrawnSince } = limits;
        const within = [open, refusedSince, withdrawn, withdrawnSince];
        if ((yield { text: add, values: [...values, ...within] }) === 0) return false;
        yield* addRow(audit(1));
        return true;
      }),
    byId: (id) => sql.get<ListedRequestRow>(`${listed} where r.id = $1`, [id]),
    ofAccount: (accountId) =>
      sql.all<AccessRequestRow>('select * from access_request where account_id = $1 order by created_at desc, id', [
        accountId,
      ]),
    open: (limit, { created_at: at, id } = { created_at: 0, id: '' }) =>
      sql.all<ListedRequestRow>(`${listed} ${openAfter}`, [limit, at, id]),
    async countOpen() {
      return (await sql.get<{ count: number }>(countOpen))?.count ?? 0;
    },
    openPage: (limit, offset) => sql.all<ListedRequestRow>(`${listed} ${openPage}`, [limit, offset]),
    closed: (limit) =>
      sql.all<ListedRequestRow>(`${listed} where r.closed_at is not null order by r.closed_at desc, r.id limit $1`, [
        limit,
      ]),
    async answer(id, { answer: given, note, by, byId, at, seen }, audit) {
      const values = [id, given, note, by, at, byId ?? '', seen];
      return (await runAudited(sql, { text: answer, values }, audit)) === 1;
    },
    async withdraw(id, { accountId, at }, audit) {
      return (await runAudited(sql, { text: withdraw, values: [id, accountId, at] }, audit)) === 1;
    },
    async markGranted(id, at) {
      await sql.run(markGranted, [id, at]);
    },
    removeBefore: (time, limit) => sql.run(removeBefore, [time, limit]),
  };
}
