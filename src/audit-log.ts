/** Owns reading the audit: filters, pages, export. */
import type { AuditAction } from './audit.ts';

export type AuditEntry = {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly action: AuditAction;
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
  /** A login, as actor or as subject. */
  readonly person?: string;
  readonly action?: string;
  readonly from?: number;
  readonly until?: number;
  readonly repository?: string;
};

export type AuditLog = {
  /** The newest first. @param before the `next` of the page before, or `null` */
  page(filter: AuditFilter, before: string | null): Promise<{ entries: AuditEntry[]; next: string | null }>;
  /** All, the newest first, read in pieces: nothing holds them all. */
  all(filter: AuditFilter): AsyncIterable<AuditEntry>;
};

export type ExportFormat = 'csv' | 'jsonl';
