/** Owns which runs came in: when and from where, one audit event each, and when each rule was last of use. */

import type { AuditBuffer } from '../audit/audit.ts';
import type { Requester } from '../identity/requester.ts';
import { createWriteBehind, type Unstored } from '../lib/write-behind.ts';
import type { WorkloadRecordStore, WorkloadUseRow } from '../store/workload-records.ts';
import type { Workload } from './judge.ts';

export type WorkloadUses = {
  /** Notes that a run came in; never waited for. */
  record(workload: Workload, client: Requester): void;
  /** Epoch milliseconds, by the key of the rule. */
  lastUses(): Promise<ReadonlyMap<string, number>>;
  flush(): Promise<void>;
  /** Stores for the last time. */
  close(): Promise<void>;
};

/** Runs that are kept of one account: the latest. */
const keptOfAccount = 100;
const flushDelay = 500;
const maximumWaiting = 10_000;

type Noted = { readonly row: WorkloadUseRow; readonly client: Requester };

export function createWorkloadUses(parts: {
  readonly store: WorkloadRecordStore;
  readonly audit: Pick<AuditBuffer, 'record'>;
  readonly onError: (unstored: Unstored) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
}): WorkloadUses {
  const { store, now } = parts;
  const waiting = createWriteBehind<Noted>({
    write: (entries) => write(parts, entries),
    merge: (earlier, later) => ({ ...later, row: { ...later.row, first_at: earlier.row.first_at } }),
    delay: flushDelay,
    maximum: maximumWaiting,
    onError: parts.onError,
  });
  return {
    record({ rule, account, run }, client) {
      const issuer = rule.issuer.name;
      const key = JSON.stringify([issuer, account, run]);
      const at = now();
      const { address } = client;
      const row = { issuer, account, run: run ?? '', rule: rule.key, address, first_at: at, last_at: at };
      waiting.put(key, { row, client });
    },
    async lastUses() {
      await waiting.flush();
      return new Map((await store.lastUses()).map(({ rule, last_at: at }) => [rule, at]));
    },
    flush: waiting.flush,
    close: waiting.close,
  };
}

async function write(
  { store, audit }: { store: WorkloadRecordStore; audit: Pick<AuditBuffer, 'record'> },
  entries: readonly Noted[],
): Promise<void> {
  const isNew = await store.writeUses(entries.map(({ row }) => row));
  const added = entries.filter((_, index) => isNew[index]);
  await store.trimUses(
    added.map(({ row }) => row),
    keptOfAccount,
  );
  for (const { row, client } of added) {
    const { account, issuer, run } = row;
    audit.record({ action: 'workload.login', actor: account, subject: account, client, detail: { issuer, run } });
  }
}
