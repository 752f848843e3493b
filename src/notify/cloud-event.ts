/** Owns the form of an audit event for other programs: CloudEvents 1.0 in JSON (github.com/cloudevents/spec). */
import type { AuditEntry } from '../audit/audit-log.ts';
import { isRecord } from '../lib/json.ts';
import type { AuditRow } from '../store/audit-events.ts';

export type CloudEvent = {
  readonly specversion: '1.0';
  /** Of the audit event. */
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: EventData;
};

type EventData = Pick<AuditEntry, 'actor' | 'subject' | 'address' | 'client' | 'requestId' | 'repository' | 'detail'>;

/** The public URL: which Dockpass it was. */
export type EventSource = string;

export function cloudEventOf(row: AuditRow, source: EventSource): CloudEvent {
  const { id, at, action, actor, subject, address, client, request_id: requestId, repository } = row;
  const detail: unknown = JSON.parse(row.detail_json);
  return {
    specversion: '1.0',
    id,
    source,
    type: action,
    // The specification wants no empty one.
    ...(subject !== '' && { subject }),
    time: new Date(at).toISOString(),
    datacontenttype: 'application/json',
    data: { actor, subject, address, client, requestId, repository, detail: isRecord(detail) ? detail : {} },
  };
}

export function isCloudEvent(value: unknown): value is CloudEvent {
  return isRecord(value) && value['specversion'] === '1.0' && isRecord(value['data']);
}
