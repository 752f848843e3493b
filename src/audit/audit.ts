/** Owns the record of who did what: rows of the audit, and one log line each. Never a secret. */
import { randomBytes } from 'node:crypto';
import type { Requester } from '../identity/requester.ts';
import type { Log } from '../lib/log.ts';
import { createWriteBehind, type Unstored } from '../lib/write-behind.ts';
import type { AuditRowOf, AuditStore, NewAuditRow } from '../store/audit-events.ts';
import { storable } from '../store/sql.ts';

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
  | 'person.free-login'
  | 'person.move'
  | 'person.relink'
  | 'person.end-move'
  | 'person.follow'
  | 'person.suspend'
  | 'person.require-sign-in'
  | 'sweep.stop'
  | 'password.new-address'
  | 'password.rotate'
  | 'password.adopt'
  | 'password.confirm-maker'
  | 'password.revoke'
  | 'password.leaked'
  | 'revocation'
  | 'revocation.undo'
  | 'login.release'
  | 'robot.create'
  | 'robot.change'
  | 'robot.remove'
  | 'api-token.create'
  | 'api-token.revoke'
  | 'audit.read'
  | 'installation.restore'
  | 'installation.copy'
  | 'password.expiring'
  | 'provider.failing'
  | 'key.due'
  | 'notification.failed'
  | 'notification.retry'
  | 'notification.preferences'
  | 'notification.test'
  | 'terminal.approve'
  | 'terminal.refuse'
  | 'terminal.collect'
  | 'terminal.copied'
  | 'machine.end'
  | 'repository.sync'
  | 'repository.delete-tag'
  | 'repository.delete-manifest'
  | 'request.create'
  | 'request.answer'
  | 'request.withdraw'
  | 'policy.reload'
  | 'policy.refused'
  | 'policy.explain'
  | 'workload.login'
  | 'workload.exchange'
  | 'workload.identity-token'
  | 'workload.leaked'
  | 'workload.off'
  | 'workload.on'
  | 'workload.discard-keys';

/** Who does something. */
export type Actor = {
  /** A login, 'command line', the name of a part that acts by itself, or '' for someone unknown. */
  readonly actor: string;
  /** `null` where no request asked for it. */
  readonly client: Requester | null;
  /** The API token that `actor`, who made it, uses; its name can be anyone's. */
  readonly apiToken?: { readonly id: string; readonly name: string };
};

export type AuditEvent = Actor & {
  readonly action: AuditAction;
  /** Whom or what it was done to. */
  readonly subject: string;
  /** Of an event that is about one. */
  readonly repository?: string;
  readonly detail?: Readonly<Record<string, unknown>>;
};

/** For actions: what they did is stored before they're answered. */
export type Audit = {
  /** Resolves once the event is stored. @throws {Refusal} `unavailable` where it couldn't be */
  write(event: AuditEvent): Promise<void>;
  /**
   * Stores a change and its event in one transaction.
   * @param event can depend on what changed; `null` where that needs no event
   * @param change hands its argument to the method of the store that makes the change
   * @returns what `change` does
   */
  commit<Result, Change = number>(
    event: AuditEvent | ((change: Change) => AuditEvent | null),
    change: (row: AuditRowOf<Change>) => Promise<Result>,
  ): Promise<Result>;
};

/** For the token realm and for what happens without a request: nothing waits for the database. */
export type AuditBuffer = {
  /** Takes the event and stores it soon, later where the database is away; it never fails its caller. */
  record(event: AuditEvent): void;
  /** Resolves when everything recorded so far is stored, or its failure is in the log. */
  flush(): Promise<void>;
};

/** The audit of a process, which ends with it. */
export type OpenAudit = Audit &
  AuditBuffer & {
    /** Stores for the last time. */
    close(): Promise<void>;
  };

/** Longest time that an event waits for company, in milliseconds. */
const flushDelay = 200;
/** Events kept while the database is away; beyond it the oldest remain only in the log. */
const maximumWaiting = 10_000;

/**
 * @param now epoch milliseconds
 * @param onError gets recorded events that couldn't be stored; the log has each of them
 * @param isAnnounced whether the service is to notify someone of such an event, or to log it; that is stored in the event's own
 *   transaction
 */
export function createAudit(
  store: Pick<AuditStore, 'add'>,
  log: Pick<Log, 'info'>,
  now: () => number,
  onError: (unstored: Unstored) => void,
  isAnnounced: (action: AuditAction) => boolean = () => false,
): OpenAudit {
  const toRow = (event: AuditEvent, at: number): NewAuditRow => ({
    ...rowOf(event, at),
    ...(isAnnounced(event.action) && { announced: true }),
  });
  const waiting = createWriteBehind<NewAuditRow>({
    write: (rows) => store.add(rows),
    merge: (_, later) => later, // no two events have the same id
    delay: flushDelay,
    maximum: maximumWaiting,
    onError,
  });
  const logRow = (row: NewAuditRow): void => logEvent(log, row);
  return {
    async write(event) {
      const row = toRow(event, now());
      await store.add([row]);
      logRow(row);
    },
    async commit(event, change) {
      let stored: NewAuditRow | null = null;
      const result = await change((changed) => {
        const made = typeof event === 'function' ? event(changed) : event;
        stored = made === null ? null : toRow(made, now());
        return stored;
      });
      if (stored !== null) logRow(stored);
      return result;
    },
    record(event) {
      const row = toRow(event, now());
      logRow(row);
      waiting.put(row.id, row);
    },
    flush: waiting.flush,
    close: waiting.close,
  };
}

/** One line, whichever process made the event. */
export function logEvent(log: Pick<Log, 'info'>, { announced: _, detail_json: detail, ...fields }: NewAuditRow): void {
  log.info({ audit: { ...fields, detail: JSON.parse(detail) } }, fields.action);
}

/** Whether it has the form that `rowOf` gives an id. */
export function isEventId(text: string): boolean {
  return /^[0-9a-z]{9}[0-9a-f]{16}$/.test(text);
}

/** Ids begin with the time, so that they sort by it. */
function rowOf(event: AuditEvent, at: number): NewAuditRow {
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
    detail_json: JSON.stringify({ ...event.detail, ...(event.apiToken && { apiToken: event.apiToken }) }),
  };
}
