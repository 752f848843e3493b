/** Owns every statement on `installation`: whether this database is served, or a copy of one that is. */
import { type AuditRowOf, addRow, runAudited } from './audit-events.ts';
import type { Sql } from './sql.ts';

/** The row of `installation`; the columns are explained in migrations/0018_installation.sql. */
export type InstallationRow = {
  readonly id: string;
  readonly copied_at: number | null;
  readonly public_url: string | null;
};

export type InstallationStore = {
  /** `undefined` before the first start. */
  read(): Promise<InstallationRow | undefined>;
  /** Nothing happens where there is one. */
  create(id: string): Promise<void>;
  /** Makes a copy the database that is served. False where it was already. */
  restore(audit: AuditRowOf): Promise<boolean>;
  /** Makes this database a copy, as `dockpass backup` does. */
  markCopied(at: number, audit: AuditRowOf): Promise<void>;
  /** Whether people whose provider can't be asked about had their passwords for good before there was a limit. */
  keepsUnchecked(): Promise<boolean>;
  /** Where it's served from now on. */
  noteUrl(url: string): Promise<void>;
};

const insert = `
  insert into installation (id, copied_at) select cast($1 as text), null where not exists (select 1 from installation)
  on conflict (id) do nothing`;
const restore = 'update installation set copied_at = null where copied_at is not null';
/** What waited when the backup was taken: the service that it's a copy of has most likely sent it. */
const forgetWaiting = [
  'delete from notification_event',
  "delete from notification_item where message_id is null or message_id in (select id from notification_message where state = 'waiting')",
  "delete from notification_message where state = 'waiting'",
] as const;

/** What a backup does to its copy, one after the other. `$1`: now, in epoch milliseconds. */
export const markCopied = [
  `insert into installation (id, copied_at) select 'copy', $1 where not exists (select 1 from installation)`,
  'update installation set copied_at = $1',
] as const;

export function createInstallationStore(sql: Sql): InstallationStore {
  return {
    read: () => sql.get<InstallationRow>('select id, copied_at, public_url from installation order by id limit 1'),
    async create(id) {
      await sql.run(insert, [id]);
    },
    async markCopied(at, audit) {
      await runAudited(sql, { text: 'update installation set copied_at = $1', values: [at] }, audit);
    },
    keepsUnchecked: async () => (await sql.get("select mode from unchecked_people where mode = 'keep'")) !== undefined,
    async noteUrl(url) {
      await sql.run('update installation set public_url = $1 where coalesce(public_url, $2) <> $1', [url, '']);
    },
    restore: (audit) =>
      sql.atomic(function* () {
        const changed = yield { text: restore, values: [] };
        if (changed === 0) return false;
        for (const text of forgetWaiting) yield { text, values: [] };
        yield* addRow(audit(changed));
        return true;
      }),
  };
}
