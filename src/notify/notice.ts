/** Owns what a notice is: who hears of an audit event, how soon, and what it says as long as it holds. */
import type { Administrators } from '../accounts/administrators.ts';
import type { Authority } from '../identity/authority.ts';
import { fieldsIn } from '../lib/json.ts';
import type { Account } from '../store/accounts.ts';
import type { AuditRow } from '../store/audit-events.ts';
import type { ItemClass } from '../store/notifications.ts';
import type { Store } from '../store/store.ts';
import type { Category } from './categories.ts';
import type { Line } from './letter.ts';

/** What a notice looks at, when it's planned and again when it's sent. */
export type NoticeParts = {
  readonly store: Pick<
    Store,
    | 'accessRequests'
    | 'accounts'
    | 'people'
    | 'passwords'
    | 'passwordUses'
    | 'revocations'
    | 'notifications'
    | 'notificationOptOuts'
  >;
  readonly administrators: Administrators;
  /** The administrators' addresses and groups of the configuration. */
  readonly administration: { readonly emails: readonly string[]; readonly groups: readonly string[] };
  readonly authority: Authority;
  /** What is due about signing keys now. */
  readonly keyWarnings: () => readonly string[];
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** What is kept of the event for one reader. */
export type Facts = {
  /** Of the audit event. */
  readonly at: number;
  readonly actor: string;
  readonly subject: string;
  readonly address: string;
  readonly client: string;
  /** As the audit has it; strangers can have chosen each of its texts. */
  readonly detail: Readonly<Record<string, unknown>>;
  /** Whose passwords it's about: the reader, or a robot of one of their groups. */
  readonly ownerId: string;
};

export type Notice = {
  /**
   * `owner`: the person that the event was done to; for a robot, the members of its owner group. `revoked`: the owners of the passwords that
   * a revocation ended. `administrators`: all of them.
   */
  readonly readers: 'owner' | 'revoked' | 'administrators';
  readonly class: ItemClass;
  /** 'security' can't be unsubscribed from. */
  readonly category: Category | 'security';
  /** What it says to this reader now; `null` where it no longer holds, or isn't theirs to know. */
  say(parts: NoticeParts, facts: Facts, reader: Account): Promise<Line | null>;
};

export function factsOf(row: AuditRow, ownerId: string): Facts {
  const { at, actor, subject, address, client, detail_json: detail } = row;
  return {
    ...{ at, actor, subject, ownerId },
    address: address ?? '',
    client: client ?? '',
    detail: fieldsIn(JSON.parse(detail)),
  };
}

export function textIn(detail: Facts['detail'], name: string): string {
  const value = detail[name];
  return typeof value === 'string' ? value : '';
}
