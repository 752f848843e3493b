/** Owns every statement on `audit_event`; rows are added and, when they are old enough, removed, never changed. */
import { addSpellings, type Conditions, createConditions, type Spellings } from './conditions.ts';
import type { Sql, Statement, Steps } from './sql.ts';

/** A row of `audit_event`; the columns are explained in `migrations/`. */
export type AuditRow = {
  readonly id: string;
  readonly at: number;
  readonly action: string;
  readonly actor: string;
  readonly subject: string;
  readonly address: string | null;
  readonly client: string | null;
  readonly request_id: string | null;
  readonly repository: string | null;
  readonly detail_json: string;
};

/** A row to store. `announced`: the service is to notify someone of it, or to log it, which is stored with it. */
export type NewAuditRow = AuditRow & { readonly announced?: boolean };

/**
 * Makes the audit row of a change, which is stored in the change's transaction: neither exists without the other. Called
 * only where something changed, with what the store knows of it; `null` where that needs no row.
 */
export type AuditRowOf<Change = number> = (change: Change) => NewAuditRow | null;

export type AuditStore = {
  /** Stores all or none. A row that is stored already stays as it is: the answer to a first try may have been lost. */
  add(events: readonly NewAuditRow[]): Promise<void>;
  /** Those that all of the filter applies to, older than the event `before`, newest first. */
  list(filter: AuditRowFilter, before: string | null, limit: number): Promise<AuditRow[]>;
  /** Removes at most `limit` rows from before; returns how many. */
  removeBefore(time: number, limit: number): Promise<number>;
};

/** Times are epoch milliseconds. */
export type AuditRowFilter = {
  /** As actor or as subject. */
  readonly person?: Spellings | undefined;
  readonly action?: string | undefined;
  readonly from?: number | undefined;
  readonly until?: number | undefined;
  readonly repository?: string | undefined;
};

const insert = `
  insert into audit_event (id, at, action, actor, subject, address, client, request_id, detail_json, repository)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
  on conflict (id) do nothing`;
const announce = 'insert into notification_event (id) values ($1) on conflict (id) do nothing';
const removeBefore =
  'delete from audit_event where id in (select id from audit_event where at < $1 order by at limit $2)';

export function createAuditStore(sql: Sql): AuditStore {
  return {
    async add(events) {
      await sql.batch(events.flatMap(statementsOf));
    },
    list(filter, before, limit) {
      const conditions = conditionsOf(filter);
      // Ids begin with the time, so that they are in its order.
      if (before !== null) conditions.add((value) => `id < ${value}`, before);
      const text = `select * from audit_event ${conditions.where()} order by id desc limit ${conditions.parameter(limit)}`;
      return sql.all<AuditRow>(text, conditions.values);
    },
    removeBefore: (time, limit) => sql.run(removeBefore, [time, limit]),
  };
}

/** Runs one statement and stores the audit row of what it changed. @returns the number of rows that it changed */
export function runAudited(sql: Sql, statement: Statement, audit: AuditRowOf): Promise<number> {
  return sql.atomic(function* () {
    const changed = yield statement;
    if (changed > 0) yield* addRow(audit(changed));
    return changed;
  });
}

/** A step of a transaction that stores the row, where there is one. */
export function* addRow(row: NewAuditRow | null): Steps<void> {
  if (row !== null) yield* statementsOf(row);
}

function statementsOf(row: NewAuditRow): Statement[] {
  const stored = insertOf(row);
  return row.announced === true ? [stored, { text: announce, values: [row.id] }] : [stored];
}

function insertOf(row: AuditRow): Statement {
  const { id, at, action, actor, subject, address, client, request_id, detail_json, repository } = row;
  const values = [id, at, action, actor, subject, address, client, request_id, detail_json, repository];
  return { text: insert, values };
}

function conditionsOf({ person, action, from, until, repository }: AuditRowFilter): Conditions {
  const conditions = createConditions();
  if (person !== undefined) addSpellings(conditions, ['actor', 'subject'], person);
  if (action !== undefined) conditions.add((value) => `action = ${value}`, action);
  if (from !== undefined) conditions.add((value) => `at >= ${value}`, from);
  if (until !== undefined) conditions.add((value) => `at < ${value}`, until);
  if (repository !== undefined) conditions.add((value) => `repository = ${value}`, repository);
  return conditions;
}
