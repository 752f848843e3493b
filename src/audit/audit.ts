/** Owns what is written down of who did what: rows of the audit and one log line each. Never a secret. */
import { randomBytes } from 'node:crypto';
import type { Log } from '../lib/log.ts';
import { createWriteBehind } from '../lib/write-behind.ts';
import type { AuditRow, AuditStore } from '../store/audit-events.ts';
import { storable } from '../store/sql.ts';

/** Who is asking, as far as the connection tells. */
export type Requester = {
  /** The address behind the trusted proxies, IPv4-mapped IPv6 written as IPv4. */
  readonly address: string;
  /** The User-Agent header, shortened; '' where there is none. */
  readonly userAgent: string;
  /** Also in the log and in the X-Request-Id of the answer. */
  readonly requestId: string;
};

export type AuditAction =
  | 'key.authority'
  | 'key.rotate'
  | 'sign-in'
  | 'sign-in.refused'
  | 'sign-out'
  | 'password.create'
  | 'password.import'
  | 'password.first-use'
  | 'password.identity-token'
  | 'person.disable'
  | 'person.enable'
  | 'person.end-sessions'
  | 'person.groups'
  | 'person.remove'
  | 'person.require-sign-in'
  | 'sweep.stop'
  | 'password.new-address'
  | 'password.rotate'
  | 'password.revoke'
  | 'password.leaked'
  | 'revocation'
  | 'revocation.undo'
  | 'robot.create'
  | 'robot.change'
  | 'api-token.create'
  | 'api-token.revoke'
  | 'policy.reload'
  | 'policy.refused'
  | 'policy.explain';

/** Who does something. */
export type Actor = {
  /** A login, 'command line', the name of what does it by itself, or '' where nobody is known. */
  readonly actor: string;
  /** `null` where no request asked for it. */
  readonly client: Requester | null;
};

export type AuditEvent = Actor & {
  readonly action: AuditAction;
  /** Whom or what it was done to. */
  readonly subject: string;
  /** Of an event that is about one. */
  readonly repository?: string;
  readonly detail?: Readonly<Record<string, unknown>>;
};

export type Audit = {
  /** Takes the event at once and stores it soon; it never fails its caller. */
  record(event: AuditEvent): void;
  /** Resolves when all that was recorded is stored. */
  flush(): Promise<void>;
};

/** The audit of a process, which ends with it. */
export type OpenAudit = Audit & {
  /** Stores for the last time. */
  close(): Promise<void>;
};

/** Longest time that an event waits for company, in milliseconds. */
const flushDelay = 200;
/** Events kept while the database is away; beyond it the oldest remain in the log alone. */
const maximumWaiting = 10_000;

/** @param now epoch milliseconds */
export function createAudit(store: AuditStore, log: Log, now: () => number): OpenAudit {
  const waiting = createWriteBehind<AuditRow>({
    write: (rows) => store.add(rows),
    merge: (_, later) => later, // no two events have the same id
    delay: flushDelay,
    maximum: maximumWaiting,
    onError({ error, entries, fate }) {
      const rest = fate === 'kept' ? 'trying again' : 'this log has them';
      const message = fate === 'dropped' ? `are refused by the database; ${rest}` : `could not be stored; ${rest}`;
      log.error({ err: error, events: entries }, `audit events ${message}`);
    },
  });
  return {
    record(event) {
      const row = toRow(event, now());
      const { detail_json: _, ...fields } = row;
      log.info({ audit: { ...fields, detail: event.detail ?? {} } }, event.action);
      waiting.put(row.id, row);
    },
    flush: waiting.flush,
    close: waiting.close,
  };
}

/** Ids begin with the time, so that they sort by it. */
function toRow(event: AuditEvent, at: number): AuditRow {
  return {
    id: at.toString(36).padStart(9, '0') + randomBytes(8).toString('hex'),
    at,
    action: event.action,
    actor: storable(event.actor),
    subject: storable(event.subject),
    address: event.client?.address ?? null,
    client: event.client?.userAgent ?? null,
    request_id: event.client?.requestId ?? null,
    repository: event.repository === undefined ? null : storable(event.repository),
    detail_json: JSON.stringify(event.detail ?? {}),
  };
}
