/** Owns every statement on `workload_issuer`: the newest keys of each issuer, and whether it's disabled. */
import { type AuditRowOf, addRow, runAudited } from './audit-events.ts';
import type { Sql } from './sql.ts';

/** A row of `workload_issuer`; the columns are explained in migrations/0020_workload.sql. */
export type WorkloadIssuerRow = {
  readonly name: string;
  readonly sealed_keys: string | null;
  readonly keys_at: number | null;
  readonly asked_at: number;
  readonly problem: string | null;
  readonly off_at: number | null;
  readonly off_by: string | null;
  readonly off_reason: string | null;
  readonly accepts_from: number;
};

/** Times are epoch milliseconds. */
export type WorkloadIssuerStore = {
  byName(name: string): Promise<WorkloadIssuerRow | undefined>;
  all(): Promise<WorkloadIssuerRow[]>;
  /** Claims the next fetch of keys. False while one was claimed after `before`, by whichever process. */
  claimFetch(name: string, now: number, before: number): Promise<boolean>;
  /** Replaces the key set; nothing happens where another fetch was claimed, or the keys were discarded, since `askedAt`. */
  storeKeys(name: string, sealedKeys: string, askedAt: number, at: number): Promise<void>;
  /** Why the fetch claimed at `askedAt` brought nothing; the keys stay. */
  noteProblem(name: string, problem: string, askedAt: number): Promise<void>;
  /** Forgets the keys, so that the next token fetches them. False where there were none. */
  discardKeys(name: string, audit: AuditRowOf): Promise<boolean>;
  /** Ends in the same transaction what was made from its tokens. False where it's off already. */
  disable(name: string, off: Disabling, audit: AuditRowOf): Promise<boolean>;
  /** False where it's on. ID tokens from before stay refused. */
  enable(name: string, at: number, audit: AuditRowOf): Promise<boolean>;
};

export type Disabling = { readonly at: number; readonly by: string; readonly reason: string };

const claimFetch = `
  insert into workload_issuer (name, asked_at, accepts_from) values ($1, $2, 0)
  on conflict (name) do update set asked_at = excluded.asked_at
  where workload_issuer.asked_at <= $3 or workload_issuer.asked_at > $2`;
const storeKeys = `
  update workload_issuer set sealed_keys = $2, keys_at = $4, problem = null where name = $1 and asked_at = $3`;
const noteProblem = 'update workload_issuer set problem = $2 where name = $1 and asked_at = $3';
const discardKeys = `
  update workload_issuer set sealed_keys = null, keys_at = null, asked_at = 0, problem = null
  where name = $1 and sealed_keys is not null`;
const disable = `
  insert into workload_issuer (name, asked_at, accepts_from, off_at, off_by, off_reason) values ($1, 0, 0, $2, $3, $4)
  on conflict (name) do update set off_at = excluded.off_at, off_by = excluded.off_by, off_reason = excluded.off_reason
  where workload_issuer.off_at is null`;
const endAll = 'update workload_credential set ended_at = $2 where issuer = $1 and ended_at is null';
const enable = `
  update workload_issuer set off_at = null, off_by = null, off_reason = null, accepts_from = $2
  where name = $1 and off_at is not null`;

export function createWorkloadIssuerStore(sql: Sql): WorkloadIssuerStore {
  return {
    byName: (name) => sql.get<WorkloadIssuerRow>('select * from workload_issuer where name = $1', [name]),
    all: () => sql.all<WorkloadIssuerRow>('select * from workload_issuer order by name'),
    claimFetch: async (name, now, before) => (await sql.run(claimFetch, [name, now, before])) === 1,
    async storeKeys(name, sealedKeys, askedAt, at) {
      await sql.run(storeKeys, [name, sealedKeys, askedAt, at]);
    },
    async noteProblem(name, problem, askedAt) {
      await sql.run(noteProblem, [name, problem, askedAt]);
    },
    discardKeys: async (name, audit) => (await runAudited(sql, { text: discardKeys, values: [name] }, audit)) === 1,
    disable: (name, { at, by, reason }, audit) =>
      sql.atomic(function* () {
        const changed = yield { text: disable, values: [name, at, by, reason] };
        yield { text: endAll, values: [name, at] };
        if (changed > 0) yield* addRow(audit(changed));
        return changed === 1;
      }),
    enable: async (name, at, audit) => (await runAudited(sql, { text: enable, values: [name, at] }, audit)) === 1,
  };
}
