/** Owns what administrators see of deliveries and do about them: what failed and why, what waits, another try. */
import type { Actor, Audit } from '../audit/audit.ts';
import { Refusal } from '../lib/errors.ts';
import type { Store } from '../store/store.ts';

/** Times are epoch milliseconds. */
export type FailedDelivery = {
  readonly id: string;
  /** 'mail' or 'webhook:NAME'. */
  readonly channel: string;
  /** Of a person; `null` for webhooks, and where the account is gone. */
  readonly login: string | null;
  /** What it was about: an audit action, or '' for a mail. */
  readonly topic: string;
  readonly attempts: number;
  readonly endedAt: number;
  readonly problem: string;
};

export type Deliveries = {
  /** The latest first, at most a hundred. */
  failed(): Promise<FailedDelivery[]>;
  /** How many wait or failed, by channel. */
  counts(): Promise<readonly { readonly channel: string; readonly state: string; readonly messages: number }[]>;
  /** Queues it again, under the same id. @throws {Refusal} `not_found`, `conflict` where it didn't fail */
  retry(id: string, by: Actor): Promise<void>;
};

const maximumShown = 100;

export function createDeliveries(parts: {
  readonly store: Pick<Store, 'notificationMessages'>;
  readonly audit: Audit;
  /** Epoch milliseconds. */
  readonly now: () => number;
}): Deliveries {
  const messages = parts.store.notificationMessages;
  return {
    counts: messages.counts,
    failed: async () =>
      (await messages.failed(maximumShown)).map((row) => ({
        ...{ id: row.id, channel: row.channel, login: row.login, topic: row.topic, attempts: row.attempts },
        ...{ endedAt: row.ended_at ?? row.created_at, problem: row.problem ?? '' },
      })),
    async retry(id, by) {
      const message = await messages.byId(id);
      if (message === undefined) throw new Refusal('not_found', 'That message doesn’t exist any more.');
      const detail = { id, topic: message.topic, login: message.login };
      const event = { action: 'notification.retry', ...by, subject: message.channel, detail } as const;
      if (await parts.audit.commit(event, (row) => messages.again(id, parts.now(), row))) return;
      throw new Refusal('conflict', 'This message has not failed, or is being tried again already.');
    },
  };
}
