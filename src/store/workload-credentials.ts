/** Owns every statement on `workload_credential`: passwords and identity tokens that were made from ID tokens. */
import { type AuditRowOf, addRow, runAudited } from './audit-events.ts';
import { locks } from './locks.ts';
import type { Sql } from './sql.ts';

/** A row of `workload_credential`; the columns are explained in migrations/0020_workload.sql. */
export type WorkloadCredentialRow = {
  readonly id: string;
  readonly kind: 'password' | 'identity-token';
  readonly hash: string;
  readonly pepper_id: string;
  readonly issuer: string;
  readonly rule: string;
  readonly account: string;
  readonly run: string | null;
  readonly service: string | null;
  readonly sealed_claims: string;
  readonly created_at: number;
  readonly ends_at: number;
  readonly removable_at: number;
  readonly ended_at: number | null;
};

export type NewWorkloadCredential = Omit<WorkloadCredentialRow, 'ended_at'>;

export type IssuerSwitch = { readonly off_at: number | null; readonly accepts_from: number | null };

export type WorkloadCredentialStore = {
  /** `full`: the rule has `limit` active ones; `known`: there is one with this hash. Then nothing is stored. */
  insert(row: NewWorkloadCredential, limit: number, audit: AuditRowOf): Promise<'added' | 'full' | 'known'>;
  /** With whether its issuer is disabled, and since when ID tokens of it count; `null`: nothing is known of it. */
  byHash(hash: string): Promise<(WorkloadCredentialRow & IssuerSwitch) | undefined>;
  /** False where it isn't there or has ended. */
  end(hash: string, at: number, audit: AuditRowOf): Promise<boolean>;
  /** Of each rule, by its key. */
  countActive(now: number): Promise<{ readonly rule: string; readonly active: number }[]>;
  /** Removes at most `limit` rows that can't be made again; returns how many. */
  removeEnded(now: number, limit: number): Promise<number>;
};

const insert = `
  insert into workload_credential (id, kind, hash, pepper_id, issuer, rule, account, run, service, sealed_claims,
                                   created_at, ends_at, removable_at)
  select cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text), cast($6 as text),
         cast($7 as text), cast($8 as text), cast($9 as text), cast($10 as text), cast($11 as bigint),
         cast($12 as bigint), cast($13 as bigint)
  where (select count(*) from workload_credential
         where rule = cast($6 as text) and ends_at > cast($11 as bigint) and ended_at is null) < cast($14 as bigint)
  on conflict (hash) do nothing`;
/** PostgreSQL would let those of one rule count without each other at the same moment; SQLite has one writer. */
const oneAfterAnother = `select pg_advisory_xact_lock(${locks.workloadCredentials}, hashtext($1))`;
const byHash = `
  select c.*, i.off_at, i.accepts_from from workload_credential c left join workload_issuer i on i.name = c.issuer
  where c.hash = cast($1 as text)`;
const end = 'update workload_credential set ended_at = $2 where hash = $1 and ended_at is null and ends_at > $2';
const countActive = `
  select rule, count(*) as active from workload_credential where ends_at > $1 and ended_at is null group by rule`;
const removeEnded = `
  delete from workload_credential where id in (select id from workload_credential where removable_at <= $1 limit $2)`;

export function createWorkloadCredentialStore(sql: Sql): WorkloadCredentialStore {
  return {
    async insert(row, limit, audit) {
      const values = [
        ...[row.id, row.kind, row.hash, row.pepper_id, row.issuer, row.rule, row.account, row.run, row.service],
        ...[row.sealed_claims, row.created_at, row.ends_at, row.removable_at, limit],
      ];
      const isAdded = await sql.atomic(function* () {
        if (sql.engine === 'postgres') yield { text: oneAfterAnother, values: [row.rule] };
        const added = yield { text: insert, values };
        if (added === 1) yield* addRow(audit(added));
        return added === 1;
      });
      if (isAdded) return 'added';
      return (await sql.get(byHash, [row.hash])) === undefined ? 'full' : 'known';
    },
    byHash: (hash) => sql.get(byHash, [hash]),
    end: async (hash, at, audit) => (await runAudited(sql, { text: end, values: [hash, at] }, audit)) === 1,
    countActive: (now) => sql.all(countActive, [now]),
    removeEnded: (now, limit) => sql.run(removeEnded, [now, limit]),
  };
}
