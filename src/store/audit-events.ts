/** Owns every statement on `audit_event`; rows are added and, when they are old enough, removed, never changed. */
import type { Sql } from './sql.ts';

/** A row of `audit_event`; the columns are explained in migrations/0001_init.sql. */
export type AuditRow = {
  readonly id: string;
  readonly at: number;
  readonly action: string;
  readonly actor: string;
  readonly subject: string;
  readonly address: string | null;
  readonly client: string | null;
  readonly request_id: string | null;
  readonly detail_json: string;
};

export type AuditStore = {
  /** Stores all or none. */
  add(events: readonly AuditRow[]): Promise<void>;
  /** The newest first. */
  latest(count: number): Promise<AuditRow[]>;
};

const insert = `
  insert into audit_event (id, at, action, actor, subject, address, client, request_id, detail_json)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`;

export function createAuditStore(sql: Sql): AuditStore {
  return {
    async add(events) {
      await sql.batch(
        events.map((event) => ({
          text: insert,
          values: [
            event.id,
            event.at,
            event.action,
            event.actor,
            event.subject,
            event.address,
            event.client,
            event.request_id,
            event.detail_json,
          ],
        })),
      );
    },
    latest: (count) => sql.all<AuditRow>('select * from audit_event order by at desc, id desc limit $1', [count]),
  };
}
