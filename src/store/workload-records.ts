/** Owns every statement on `workload_use` and `workload_failure`: which runs came in, and which were refused. */
import type { Sql } from './sql.ts';

/** A row of `workload_use`; the columns are explained in migrations/0020_workload.sql. */
export type WorkloadUseRow = {
  readonly issuer: string;
  readonly account: string;
  readonly run: string;
  readonly rule: string;
  readonly address: string;
  readonly first_at: number;
  readonly last_at: number;
};

/** A row of `workload_failure`; the columns are explained in migrations/0020_workload.sql. */
export type WorkloadFailureRow = {
  readonly id: string;
  readonly issuer: string;
  readonly reason: string;
  readonly who: string;
  readonly claims_json: string | null;
  readonly nearest_json: string | null;
  readonly known: number;
  readonly address: string;
  readonly count: number;
  readonly first_at: number;
  readonly last_at: number;
};

export type WorkloadRecordStore = {
  /** @returns for each in its place whether the run is new */
  writeUses(uses: readonly WorkloadUseRow[]): Promise<boolean[]>;
  /** The latest runs of an account that are kept. */
  trimUses(accounts: readonly { readonly issuer: string; readonly account: string }[], keep: number): Promise<void>;
  /** When each rule, by its key, last let a run in. */
  lastUses(): Promise<{ readonly rule: string; readonly last_at: number }[]>;
  /** Removes at most `limit` runs that were last seen before; returns how many. */
  removeUsesBefore(time: number, limit: number): Promise<number>;
  /** Adds up the counts, and keeps `keep` groups of verified tokens of an issuer: those of known ids first, then the latest. */
  addFailures(failures: readonly WorkloadFailureRow[], keep: number): Promise<void>;
  /** Those of known ids first, then the latest. */
  failures(limit: number): Promise<WorkloadFailureRow[]>;
  /** Removes at most `limit` groups that last happened before; returns how many. */
  removeFailuresBefore(time: number, limit: number): Promise<number>;
};

const insertUse = `
  insert into workload_use (issuer, account, run, rule, address, first_at, last_at)
  values ($1, $2, $3, $4, $5, $6, $7) on conflict (issuer, account, run) do nothing`;
const updateUse = `
  update workload_use set rule = $4, address = $5, last_at = $6
  where issuer = $1 and account = $2 and run = $3 and last_at < $6`;
const trimUses = `
  delete from workload_use where issuer = $1 and account = $2 and run not in (
    select run from workload_use where issuer = $1 and account = $2 order by last_at desc, run limit $3)`;
const removeUses = `
  delete from workload_use where (issuer, account, run) in (
    select issuer, account, run from workload_use where last_at < $1 limit $2)`;

const addFailure = `
  insert into workload_failure (id, issuer, reason, who, claims_json, nearest_json, known, address, count,
                                first_at, last_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
  on conflict (id) do update set
    claims_json = excluded.claims_json, nearest_json = excluded.nearest_json, known = excluded.known,
    address = excluded.address, count = workload_failure.count + excluded.count, last_at = excluded.last_at`;
const trimFailures = `
  delete from workload_failure where issuer = $1 and who <> '' and id not in (
    select id from workload_failure where issuer = $1 and who <> '' order by known desc, last_at desc, id limit $2)`;
const removeFailures =
  'delete from workload_failure where id in (select id from workload_failure where last_at < $1 limit $2)';

export function createWorkloadRecordStore(sql: Sql): WorkloadRecordStore {
  return {
    async writeUses(uses) {
      const changed = await sql.batch(
        uses.flatMap(({ issuer, account, run, rule, address, first_at, last_at }) => [
          { text: insertUse, values: [issuer, account, run, rule, address, first_at, last_at] },
          { text: updateUse, values: [issuer, account, run, rule, address, last_at] },
        ]),
      );
      return uses.map((_, index) => changed[2 * index] === 1);
    },
    async trimUses(accounts, keep) {
      await sql.batch(accounts.map(({ issuer, account }) => ({ text: trimUses, values: [issuer, account, keep] })));
    },
    lastUses: () => sql.all('select rule, max(last_at) as last_at from workload_use group by rule'),
    removeUsesBefore: (time, limit) => sql.run(removeUses, [time, limit]),
    async addFailures(failures, keep) {
      const issuers = [...new Set(failures.map(({ issuer }) => issuer))].sort();
      await sql.batch([
        ...failures.map((row) => ({
          text: addFailure,
          values: [
            ...[row.id, row.issuer, row.reason, row.who, row.claims_json, row.nearest_json, row.known],
            ...[row.address, row.count, row.first_at, row.last_at],
          ],
        })),
        ...issuers.map((issuer) => ({ text: trimFailures, values: [issuer, keep] })),
      ]);
    },
    failures: (limit) =>
      sql.all<WorkloadFailureRow>('select * from workload_failure order by known desc, last_at desc, id limit $1', [
        limit,
      ]),
    removeFailuresBefore: (time, limit) => sql.run(removeFailures, [time, limit]),
  };
}
