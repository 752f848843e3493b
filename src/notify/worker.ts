/** Owns when notifications are worked on: one process at a time plans, every process sends, until the service stops. */
import { setTimeout as wait } from 'node:timers/promises';
import { hour, minute } from '../lib/time.ts';
import type { Channel } from './channel.ts';
import { canCompose, composeMails } from './compose.ts';
import { type PlanParts, planEvents } from './plan.ts';
import { deliverNext, idle, type QueueParts } from './queue.ts';
import { queueReminders, type ReminderParts } from './reminders.ts';
import { type WatchParts, watch } from './watch.ts';

export type WorkerParts = PlanParts &
  ReminderParts &
  QueueParts &
  WatchParts & {
    readonly store: PlanParts['store'] & QueueParts['store'];
    readonly channels: readonly Channel[];
    /** Whether people are reminded of passwords that end soon. */
    readonly hasReminders: boolean;
  };

export type Worker = {
  /** Resolves when what was being sent is recorded, or after a few seconds. */
  ended(): Promise<void>;
};

const watchInterval = minute;
/** A password that is made for a short time is due before the next day begins. */
const reminderInterval = hour;
const planLease = 'notify plan';
/** Milliseconds that a process which died keeps others from planning. */
const planLeaseLength = minute;
const errorPause = 5_000;
/** Milliseconds between two looks at what commands did, where nothing else is to be done. */
const commandPause = 5_000;
/** A mail that is being sent when the service stops. */
const endPatience = 8_000;

/** Without a channel, what commands did is logged, and nothing else is left to do once the queue is empty. */
export async function startWorker(parts: WorkerParts, signal: AbortSignal): Promise<Worker> {
  await forgetOthers(parts);
  const pause = (milliseconds: number) => wait(milliseconds, undefined, { signal, ref: false }).catch(() => {});
  const repeat = async (what: string, step: () => Promise<number>): Promise<void> => {
    while (!signal.aborted) {
      try {
        await pause(await step());
      } catch (error) {
        parts.log.warn({ err: error }, `${what} failed; tried again in a few seconds`);
        await pause(errorPause);
      }
    }
  };
  const running = Promise.all([
    parts.channels.length === 0
      ? repeat('logging what commands did', () => logCommands(parts))
      : repeat('planning notifications', createPlanner(parts)),
    ...parts.channels.map((channel) => repeat(`sending by ${channel.name}`, () => deliverNext(parts, channel))),
  ]);
  return { ended: () => Promise.race([running.then(() => {}), wait(endPatience, undefined, { ref: false })]) };
}

/** Each step is safe if two processes take it; the lease keeps them from doing it twice for nothing. */
function createPlanner(parts: WorkerParts): () => Promise<number> {
  const { store, holder, now } = parts;
  let watchedAt = Number.NEGATIVE_INFINITY;
  let remindedAt = Number.NEGATIVE_INFINITY;
  return async () => {
    const at = now();
    if (at - watchedAt >= watchInterval) {
      watchedAt = at;
      await watch(parts);
    }
    // A new day begins a new digest, and what is due on that day belongs into it.
    const isDue = parts.hasReminders && periodOf(at) !== periodOf(remindedAt);
    if (!isDue && !(await hasWork(parts))) return idle;
    if (!(await store.leases.take(planLease, holder, at, at + planLeaseLength))) return idle;
    const planned = await planEvents(parts);
    if (isDue) {
      await queueReminders(parts);
      remindedAt = at;
    }
    if (parts.hasMail) await composeMails(parts);
    await store.leases.release(planLease, holder);
    return planned ? 0 : idle;
  };
}

/** @returns milliseconds until the next time */
async function logCommands(parts: WorkerParts): Promise<number> {
  const { store, holder, now } = parts;
  const at = now();
  if (!(await hasEvents(parts)) || !(await store.leases.take(planLease, holder, at, at + planLeaseLength))) {
    return commandPause;
  }
  const planned = await planEvents(parts);
  await store.leases.release(planLease, holder);
  return planned ? 0 : commandPause;
}

function periodOf(at: number): number {
  return Math.floor(at / reminderInterval);
}

async function hasWork(parts: WorkerParts): Promise<boolean> {
  return (await hasEvents(parts)) || (parts.hasMail && (await canCompose(parts)));
}

async function hasEvents({ store }: WorkerParts): Promise<boolean> {
  return (await store.notifications.events(1)).length > 0;
}

/** What waits for a channel that isn't configured any more, or for one that never was, is no news once it is. */
async function forgetOthers({ store, channels, hasMail, now }: WorkerParts): Promise<void> {
  const known = channels.map(({ name }) => name);
  for (const { channel } of await store.notificationMessages.channels()) {
    if (!known.includes(channel)) await store.notificationMessages.drop(channel, now());
  }
  if (!hasMail) await store.notifications.forgetItems();
}
