/** Owns reading the audit: filters, pages, export. */
import { csvField } from '../lib/csv.ts';
import { createGrowingCache } from '../lib/growing-cache.ts';
import { isRecord, readJson } from '../lib/json.ts';
import { hour } from '../lib/time.ts';
import type { AuditRow, AuditRowFilter, AuditStore } from '../store/audit-events.ts';
import type { Actor, Audit, AuditBuffer } from './audit.ts';
import { spellingsOf } from './spellings.ts';

export type AuditEntry = {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** An `AuditAction`, or one of a newer version. */
  readonly action: string;
  readonly actor: string;
  readonly subject: string;
  readonly address: string | null;
  readonly client: string | null;
  readonly requestId: string | null;
  readonly repository: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
};

/** All that is given must apply. Times are epoch milliseconds. */
export type AuditFilter = {
  /** As actor or as subject: a person's login in any case, the name of a job as written. */
  readonly person?: string;
  readonly action?: string;
  readonly from?: number;
  readonly until?: number;
  readonly repository?: string;
};

export type AuditLog = {
  /** The newest first. @param before the `next` of the page before, or `null` */
  page(filter: AuditFilter, before: string | null, by: Actor): Promise<{ entries: AuditEntry[]; next: string | null }>;
  /** All, newest first, read in pieces: nothing holds them all. */
  all(filter: AuditFilter, by: Actor): AsyncIterable<AuditEntry>;
};

export type ExportFormat = 'csv' | 'jsonl';

/** The media type of each. */
export const exportTypes: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv; charset=utf-8',
  jsonl: 'application/jsonl',
};

/** Events of a page, and rows that an export reads together. */
const pageSize = 100;
const pieceSize = 1_000;
/** Readings that are known; beyond it the oldest are noted once more. */
const maximumNoted = 10_000;

export type AuditLogParts = {
  readonly store: AuditStore;
  readonly audit: Pick<Audit, 'write'> & Pick<AuditBuffer, 'flush'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Every reading is an event of its own: a SIEM that polls makes one an hour. */
export function createAuditLog(parts: AuditLogParts): AuditLog {
  const { store, audit } = parts;
  const noteReading = createReadings(parts);
  return {
    async page(filter, before, by) {
      await audit.flush();
      const rows = await store.list(rowFilterOf(filter), before, pageSize + 1);
      const shown = rows.slice(0, pageSize);
      const next = rows.length > pageSize ? (shown.at(-1)?.id ?? null) : null;
      await noteReading(filter, by);
      return { entries: shown.map(toEntry), next };
    },
    async *all(filter, by) {
      await noteReading(filter, by);
      await audit.flush();
      let before: string | null = null;
      let rows: AuditRow[];
      do {
        rows = await store.list(rowFilterOf(filter), before, pieceSize);
        for (const row of rows) yield toEntry(row);
        before = rows.at(-1)?.id ?? before;
      } while (rows.length === pieceSize);
    },
  };
}

function rowFilterOf({ person, ...others }: AuditFilter): AuditRowFilter {
  return { ...others, ...(person !== undefined && { person: spellingsOf(person) }) };
}

/** Notes who read by which filter, one time an hour. */
function createReadings({ audit, now }: AuditLogParts): (filter: AuditFilter, by: Actor) => Promise<void> {
  const noted = createGrowingCache<string, true>(maximumNoted);
  return async (filter, by) => {
    const key = JSON.stringify([Math.floor(now() / hour), by.actor, by.apiToken?.id, filter]);
    if (noted.has(key)) return;
    await audit.write({ action: 'audit.read', ...by, subject: '', detail: { filter } });
    noted.set(key, true);
  };
}

function toEntry(row: AuditRow): AuditEntry {
  const { id, at, actor, subject, address, client, request_id: requestId, repository } = row;
  const { action } = row;
  const detail = readJson(row.detail_json, isRecord);
  return { id, at, action, actor, subject, address, client, requestId, repository, detail };
}

const columns = ['time', 'action', 'actor', 'subject', 'address', 'client', 'request_id', 'repository', 'detail'];

/** The lines of an export, each with its line end; CSV as RFC 4180 has it. */
export async function* exportLines(entries: AsyncIterable<AuditEntry>, format: ExportFormat): AsyncIterable<string> {
  if (format === 'csv') yield `${columns.join(',')}\r\n`;
  for await (const entry of entries) yield format === 'csv' ? csvLine(entry) : `${JSON.stringify(withTime(entry))}\n`;
}

function withTime({ at, ...entry }: AuditEntry): object {
  return { time: new Date(at).toISOString(), ...entry };
}

function csvLine(entry: AuditEntry): string {
  const { at, action, actor, subject, address, client, requestId, repository, detail } = entry;
  const time = new Date(at).toISOString();
  const fields = [time, action, actor, subject, address, client, requestId, repository, JSON.stringify(detail)];
  return `${fields.map((field) => csvField(field ?? '')).join(',')}\r\n`;
}
