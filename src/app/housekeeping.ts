/** Owns the removal of what is too old to keep: audit, denials, access requests, uses of passwords, messages of providers, activity. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { Log } from '../lib/log.ts';
import { day, dayNumber, hour } from '../lib/time.ts';
import { recountPulls } from '../repositories/upkeep.ts';
import type { Store } from '../store/store.ts';
import type { Ending } from './ending.ts';

export type HousekeepingParts = {
  readonly store: Pick<
    Store,
    | 'audit'
    | 'denials'
    | 'accessRequests'
    | 'passwordUses'
    | 'dailyCounts'
    | 'seenTokens'
    | 'machines'
    | 'notifications'
    | 'notificationMessages'
    | 'terminalRequests'
    | 'workloadCredentials'
    | 'workloadRecords'
    | 'leases'
    | 'registryEvents'
    | 'repositories'
    | 'repositoryActivity'
    | 'repositoryTags'
  >;
  /** Milliseconds. */
  readonly auditRetention: number;
  /** Milliseconds. */
  readonly denialRetention: number;
  readonly activity: { readonly retention: number };
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Milliseconds. */
const useRetention = 30 * day;
/** Logins of terminals: they're made every day, and what they did stays in the audit. */
const terminalRetention = 30 * day;
/** Of what was sent or given up. */
const messageRetention = 30 * day;
/** Longer than any reminder is ahead of its password's end: without its row it would come again. */
const reminderRetention = 400 * day;
const interval = hour;
/** Rows a statement, so that nothing waits long for a lock. */
const pieceSize = 2_000;
/** Counters are in three indexes each. */
const counterPieceSize = 200;

/** Removes at most `limit` rows, or all that there are; returns how many. `size`: the limit, if it isn't the usual one. */
type Removal = { readonly what: string; remove(limit: number): Promise<number>; readonly size?: number };

function removalsOf({ store, auditRetention, denialRetention, activity, now }: HousekeepingParts): Removal[] {
  const before = (retention: number): number => now() - retention;
  const firstDay = () => dayNumber(before(activity.retention));
  const { audit, denials, accessRequests, passwordUses, dailyCounts, workloadCredentials, workloadRecords } = store;
  const { repositoryActivity, repositoryTags, seenTokens, machines, notifications, terminalRequests, leases } = store;
  return [
    { what: 'auditEvents', remove: (limit) => audit.removeBefore(before(auditRetention), limit) },
    { what: 'denials', remove: (limit) => denials.removeBefore(before(denialRetention), limit) },
    { what: 'accessRequests', remove: (limit) => accessRequests.removeBefore(before(denialRetention), limit) },
    { what: 'uses', remove: (limit) => passwordUses.removeBefore(before(useRetention), limit) },
    { what: 'dailyCounts', remove: (limit) => dailyCounts.removeBefore(firstDay(), limit) },
    { what: 'workloadCredentials', remove: (limit) => workloadCredentials.removeEnded(now(), limit) },
    { what: 'workloadUses', remove: (limit) => workloadRecords.removeUsesBefore(before(useRetention), limit) },
    { what: 'workloadFailures', remove: (limit) => workloadRecords.removeFailuresBefore(before(useRetention), limit) },
    {
      what: 'activity',
      remove: (limit) => repositoryActivity.removeBefore(firstDay(), limit),
      size: counterPieceSize,
    },
    // A day, in which an older push can still arrive.
    { what: 'deletedTags', remove: (limit) => repositoryTags.forgetDeleted(before(day), limit) },
    { what: 'formerAccounts', remove: () => repositoryActivity.forgetDeleted() },
    { what: 'messages', remove: () => seenTokens.removeExpired(now()) },
    { what: 'machinePasswords', remove: (limit) => machines.removeEnded(before(day), limit) },
    { what: 'terminalLogins', remove: (limit) => machines.removeExpired(before(terminalRetention), limit) },
    { what: 'notifications', remove: (limit) => notifications.removeItemsBefore(before(messageRetention), limit) },
    { what: 'reminders', remove: (limit) => notifications.removeRemindersBefore(before(reminderRetention), limit) },
    { what: 'notificationMarks', remove: () => notifications.removeMarksBefore(before(reminderRetention)) },
    {
      what: 'notificationMessages',
      remove: (limit) => store.notificationMessages.removeBefore(before(messageRetention), limit),
    },
    { what: 'terminalRequests', remove: () => terminalRequests.removeExpired(before(day)) },
    { what: 'leases', remove: () => leases.removeExpired(now()) },
  ];
}

/**
 * Removes what is too old. Replicas can do it at the same time: each row goes once. What can't be removed is logged, and keeps
 * nothing else.
 * @param stopping once it's aborted, nothing more is begun
 */
export async function tidy(
  parts: HousekeepingParts,
  stopping: AbortSignal = new AbortController().signal,
): Promise<void> {
  const removed: Record<string, number> = {};
  for (const { what, remove, size = pieceSize } of removalsOf(parts)) {
    if (stopping.aborted) break;
    await attempt(parts.log, what, async () => {
      removed[what] = await removeAll(remove, size, stopping);
    });
  }
  if (Object.values(removed).some((count) => count > 0)) parts.log.info(removed, 'old records removed');
}

async function attempt(log: HousekeepingParts['log'], what: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    log.warn({ err: error, what }, 'old records stay for now');
  }
}

async function removeAll(remove: Removal['remove'], size: number, stopping: AbortSignal): Promise<number> {
  let total = 0;
  for (;;) {
    const removed = await remove(size);
    total += removed;
    if (removed < size || stopping.aborted) return total;
    await yieldToOthers();
  }
}

/**
 * Tidies now and every hour, unless it still does, until the service ends, which waits for what is running.
 * @param parts.onRun called each time; it must not throw. @param parts.settle closes access requests that are granted by now
 */
export function startHousekeeping(
  parts: HousekeepingParts & { readonly onRun: () => void; readonly settle: () => Promise<void> },
  { stopping, waitFor }: Pick<Ending, 'stopping' | 'waitFor'>,
): void {
  const work = async (): Promise<void> => {
    await tidy(parts, stopping);
    if (!stopping.aborted) await attempt(parts.log, 'granted access requests', parts.settle);
    if (!stopping.aborted) await attempt(parts.log, 'pulls', () => recountPulls(parts.store, parts.now(), stopping));
  };
  let running: Promise<void> | null = null;
  const run = (): void => {
    parts.onRun();
    running ??= work().finally(() => {
      running = null;
    });
  };
  run();
  const timer = setInterval(run, interval).unref();
  stopping.addEventListener('abort', () => clearInterval(timer), { once: true });
  waitFor(async () => {
    await running;
  });
}
