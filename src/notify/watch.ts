/** Owns news that lasts, and is repeated once in a while: a provider that fails, a signing key that is due. Each becomes an audit event. */
import type { Audit, AuditEvent } from '../audit/audit.ts';
import { day, minute } from '../lib/time.ts';
import type { Store } from '../store/store.ts';

export type Failing = { readonly provider: string; readonly problem: string; readonly since: number };

export type WatchParts = {
  readonly store: Pick<Store, 'notifications'>;
  readonly audit: Audit;
  /** Providers whose last sign-in in this process failed for their own reason. */
  readonly failing: () => readonly Failing[];
  readonly keyWarnings: () => readonly string[];
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Milliseconds: one slow answer is no news. */
const patience = 5 * minute;
/** How often each is repeated while it lasts. */
const providerPause = day;
const keyPause = 7 * day;

export async function watch(parts: WatchParts): Promise<void> {
  const now = parts.now();
  for (const { provider, problem, since } of parts.failing()) {
    if (now - since < patience) continue;
    const detail = { problem, since: new Date(since).toISOString() };
    await tell(parts, `provider ${provider}`, providerPause, { action: 'provider.failing', subject: provider, detail });
  }
  for (const warning of parts.keyWarnings()) {
    await tell(parts, `key ${warning}`, keyPause, { action: 'key.due', subject: 'signing keys', detail: { warning } });
  }
}

/** Replicas agree on one event: the one that stores the mark stores it. */
async function tell(
  { store, audit, now }: WatchParts,
  name: string,
  pause: number,
  event: Pick<AuditEvent, 'action' | 'subject' | 'detail'>,
): Promise<void> {
  const at = now();
  await audit.commit({ ...event, actor: 'notifications', client: null }, (row) =>
    store.notifications.mark(name, at, at - pause, row),
  );
}
