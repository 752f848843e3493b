/** Owns the administrators' list of repositories as programs get it: API, commands, and the files that they export. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { csvField } from '../lib/csv.ts';
import type { RepositoryStore } from '../store/repositories.ts';
import type { ActorKind, RepositoryRow } from '../store/repository-rows.ts';

/** Times are epoch milliseconds; `null`: unknown. */
export type RepositoryRecord = {
  readonly service: string;
  readonly name: string;
  readonly tags: number;
  /** Bytes of its distinct layers and configs. */
  readonly size: number | null;
  readonly firstSeenAt: number;
  readonly pushedAt: number | null;
  /** Login of who pushed last; `null` where no one knows, or the account is deleted. */
  readonly pushedBy: string | null;
  readonly pushedByKind: ActorKind | null;
  readonly pulledAt: number | null;
  /** Of the last 30 days. */
  readonly recentPulls: number;
  /** When a sync last read all its tags. */
  readonly syncedAt: number | null;
};

export function recordOf(row: RepositoryRow): RepositoryRecord {
  return {
    ...{ service: row.service, name: row.name, tags: row.tags, size: row.size, firstSeenAt: row.first_seen_at },
    ...{ pushedAt: row.pushed_at, pushedBy: row.actor_login },
    pushedByKind: row.pushed_at === null ? null : row.actor_kind,
    ...{ pulledAt: row.pulled_at, recentPulls: row.recent_pulls, syncedAt: row.synced_at },
  };
}

/** Repositories that are read together. */
const pieceSize = 500;

/** All of the services, in the order of their names, without those that have no tags. */
export async function* recordsOf(
  store: Pick<RepositoryStore, 'after' | 'byNames'>,
  services: readonly string[],
): AsyncIterable<RepositoryRecord> {
  for (const service of services) {
    for (let last: string | undefined = ''; last !== undefined; ) {
      const names: string[] = (await store.after(service, last, pieceSize, false)).map(({ name }) => name);
      for (const row of await store.byNames(service, names)) yield recordOf(row);
      last = names.at(-1);
      await yieldToOthers();
    }
  }
}

const columns = [
  'service',
  'name',
  'tags',
  'size',
  'firstSeenAt',
  'pushedAt',
  'pushedBy',
  'pushedByKind',
  'pulledAt',
  'recentPulls',
  'syncedAt',
] as const satisfies readonly (keyof RepositoryRecord)[];

export async function* csvLines(records: AsyncIterable<RepositoryRecord>): AsyncIterable<string> {
  yield `${columns.join(',')}\r\n`;
  for await (const record of records) {
    yield `${columns.map((column) => csvField(fieldOf(column, record[column]))).join(',')}\r\n`;
  }
}

export async function* jsonLines(records: AsyncIterable<RepositoryRecord>): AsyncIterable<string> {
  for await (const record of records) yield `${JSON.stringify(record)}\n`;
}

/** Times as a spreadsheet reads them. */
function fieldOf(column: (typeof columns)[number], value: string | number | null): string {
  if (value === null) return '';
  return column.endsWith('At') ? new Date(value).toISOString() : String(value);
}
