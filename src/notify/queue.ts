/** Owns how messages leave the queue: claimed by one process, sent, and recorded; tried again later and later, then given up. */
import type { Audit } from '../audit/audit.ts';
import { errorMessage, Refusal } from '../lib/errors.ts';
import { day, hour, minute } from '../lib/time.ts';
import type { MessageRow } from '../store/notification-messages.ts';
import type { Store } from '../store/store.ts';
import type { Channel, Outcome } from './channel.ts';

export type QueueParts = {
  readonly store: Pick<Store, 'notificationMessages' | 'leases'>;
  readonly audit: Audit;
  /** Random, one a process. */
  readonly holder: string;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Counts how each attempt ended. */
  readonly onEnd: (channel: string, outcome: Outcome['state']) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Milliseconds: an attempt takes one minute at most, so a claim this old is of a process that died. */
export const claimLength = 2 * minute;
/** Milliseconds between two looks at an empty queue, and after an attempt that failed. */
export const idle = 1_000;
/** Milliseconds from one attempt to the next (Standard Webhooks proposes these); after the last, the message has failed. */
const pauses = [5_000, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, day];

/**
 * Sends the message that has been due the longest.
 *
 * At least once: it's recorded as sent after the receiver has taken it, so a process that dies in between leaves a claim that runs
 * out, and another sends the same again under the same id.
 * @returns the milliseconds until another try makes sense
 */
export async function deliverNext(parts: QueueParts, channel: Channel): Promise<number> {
  const { store, holder, now } = parts;
  const messages = store.notificationMessages;
  if (!(await messages.isDue(channel.name, now()))) return idle;
  if (!(await takeTurn(parts, channel))) return Math.min(idle, channel.pause);
  const message = await messages.claim(channel.name, { holder, now: now(), until: now() + claimLength });
  if (message === undefined) return idle;
  const outcome = await attempt(channel, message);
  const ended = await record(parts, message, outcome);
  parts.onEnd(channel.name, ended);
  return ended === 'postponed' ? idle : channel.pause;
}

/** Processes that died with a message one after the other: it's most likely the message. */
const maximumClaims = 5;

/** A message that can't be read fails, and holds up no other; where the database is away it's tried again once the claim has run out. */
async function attempt(channel: Channel, message: MessageRow): Promise<Outcome> {
  if (message.claims > maximumClaims) return { state: 'failed', problem: `${maximumClaims} processes died with it` };
  try {
    return await channel.deliver(message);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    return { state: 'failed', problem: `it can't be sent: ${errorMessage(error)}` };
  }
}

/** A lease that no one gives back lasts as long as the pause: the pace holds for all processes together. */
async function takeTurn({ store, now, random }: QueueParts, { name, pause }: Channel): Promise<boolean> {
  if (pause === 0) return true;
  return store.leases.take(`notify ${name}`, `turn ${random()}`, now(), now() + pause);
}

async function record(parts: QueueParts, message: MessageRow, outcome: Outcome): Promise<Outcome['state']> {
  const { store, holder, now } = parts;
  const messages = store.notificationMessages;
  if (outcome.state === 'postponed') {
    const pause = pauses[message.attempts - 1];
    if (pause !== undefined) {
      const spread = Math.max(pause, outcome.after ?? 0) * (1 + 0.1 * parts.random());
      await messages.postpone(message.id, holder, Math.round(now() + spread), outcome.problem);
      return 'postponed';
    }
  }
  const state = outcome.state === 'postponed' ? 'failed' : outcome.state;
  const problem = outcome.state === 'sent' ? null : outcome.problem;
  const detail = { id: message.id, topic: message.topic, attempts: message.attempts, problem };
  const event = { action: 'notification.failed', actor: 'notifications', client: null } as const;
  const failed = () => (state === 'failed' ? { ...event, subject: message.channel, detail } : null);
  await parts.audit.commit(failed, (row) => messages.end(message.id, holder, { state, at: now(), problem }, row));
  return state;
}
