/** Owns the removal of what is too old to keep: audit, denials, access requests, uses of passwords, messages of providers, activity. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { Log } from '../lib/log.ts';
import { day, dayNumber, hour } from '../lib/time.ts';
import { recountPulls } from '../repositories/upkeep.ts';
import type { Store } from '../store/store.ts';

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
  readonly log: Log;
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

/** Removes what is too old. Replicas can do it at the same time: each row goes once. */
export async function tidy(parts: HousekeepingParts): Promise<void> {
  const { store, auditRetention, denialRetention, activity, log, now } = parts;
  const removed = {
    auditEvents: await removeAll((limit) => store.audit.removeBefore(now() - auditRetention, limit)),
    denials: await removeAll((limit) => store.denials.removeBefore(now() - denialRetention, limit)),
    accessRequests: await removeAll((limit) => store.accessRequests.removeBefore(now() - denialRetention, limit)),
    uses: await removeAll((limit) => store.passwordUses.removeBefore(now() - useRetention, limit)),
    dailyCounts: await removeAll((limit) =>
      store.dailyCounts.removeBefore(dayNumber(now() - activity.retention), limit),
    ),
    workloadCredentials: await removeAll((limit) => store.workloadCredentials.removeEnded(now(), limit)),
    workloadUses: await removeAll((limit) => store.workloadRecords.removeUsesBefore(now() - useRetention, limit)),
    workloadFailures: await removeAll((limit) =>
      store.workloadRecords.removeFailuresBefore(now() - useRetention, limit),
    ),
    activity: await removeAll(
      (limit) => store.repositoryActivity.removeBefore(dayNumber(now() - activity.retention), limit),
      counterPieceSize,
    ),
    // A day, in which an older push can still arrive.
    deletedTags: await removeAll((limit) => store.repositoryTags.forgetDeleted(now() - day, limit)),
    formerAccounts: await store.repositoryActivity.forgetDeleted(),
    messages: await store.seenTokens.removeExpired(now()),
    machinePasswords: await removeAll((limit) => store.machines.removeEnded(now() - day, limit)),
    terminalLogins: await removeAll((limit) => store.machines.removeExpired(now() - terminalRetention, limit)),
    notifications: await removeAll((limit) => store.notifications.removeItemsBefore(now() - messageRetention, limit)),
    reminders: await removeAll((limit) => store.notifications.removeRemindersBefore(now() - reminderRetention, limit)),
    notificationMarks: await store.notifications.removeMarksBefore(now() - reminderRetention),
    notificationMessages: await removeAll((limit) =>
      store.notificationMessages.removeBefore(now() - messageRetention, limit),
    ),
    terminalRequests: await store.terminalRequests.removeExpired(now() - day),
  };
  if (Object.values(removed).some((count) => count > 0)) log.info(removed, 'old records removed');
}

async function removeAll(remove: (limit: number) => Promise<number>, size = pieceSize): Promise<number> {
  let total = 0;
  for (;;) {
    const removed = await remove(size);
    total += removed;
    if (removed < size) return total;
    await yieldToOthers();
  }
}

/**
 * Tidies now and every hour.
 * @param parts.onRun called each time; it must not throw. @param parts.settle closes access requests that are granted by now
 * @returns what ends that
 */
export function startHousekeeping(
  parts: HousekeepingParts & { readonly onRun: () => void; readonly settle: () => Promise<void> },
): () => void {
  const run = (): void => {
    parts.onRun();
    const work = async () => {
      await tidy(parts);
      await parts.settle();
      await recountPulls(parts.store, parts.now());
    };
    work().catch((error: unknown) => parts.log.warn({ err: error }, 'old records stay for now'));
  };
  run();
  const timer = setInterval(run, interval).unref();
  return () => clearInterval(timer);
}
