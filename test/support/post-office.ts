/** Owns notifications for tests: the real planning and queue on a scene's store, with a clock, and mails and webhooks that arrive in lists. */
import assert from 'node:assert/strict';
import { createPreferences, type Preferences } from '../../src/notify/categories.ts';
import type { Channel, Outcome } from '../../src/notify/channel.ts';
import { composeMails } from '../../src/notify/compose.ts';
import { createMailChannel } from '../../src/notify/mail.ts';
import type { NoticeParts } from '../../src/notify/notice.ts';
import { planEvents } from '../../src/notify/plan.ts';
import { deliverNext, type QueueParts } from '../../src/notify/queue.ts';
import { queueReminders } from '../../src/notify/reminders.ts';
import type { Mail } from '../../src/notify/smtp.ts';
import { isWanted, type WebhookEvents } from '../../src/notify/wanted.ts';
import { type Failing, watch } from '../../src/notify/watch.ts';
import { createWebhookChannel } from '../../src/notify/webhook.ts';
import type { Scene } from './administration-scene.ts';

export type Posted = { readonly headers: Readonly<Record<string, string>>; readonly body: string };

export type PostOffice = {
  /** Those that arrived, and those that the server refused; as people see them, without what is invisible. */
  readonly mails: Mail[];
  readonly posted: Posted[];
  readonly failing: Failing[];
  readonly keyWarnings: string[];
  readonly preferences: Preferences;
  readonly mail: Channel;
  /** Plans what waits, and begins the mails that can be sent. */
  plan(): Promise<void>;
  /** Sends what is due, however long the pace would make it take. @returns how each attempt ended */
  send(): Promise<Outcome['state'][]>;
  /** Both. @returns the mails that came of it */
  work(): Promise<Mail[]>;
  /** A process that claims messages as another one would. */
  queueOf(holder: string): QueueParts;
  /** What the next mails get in place of being taken. */
  fail: Error | null;
};

const log = { warn: (fields: object) => assert.fail(JSON.stringify(fields)) };
const webhooks: readonly WebhookEvents[] = [{ name: 'siem', events: ['*'] }];

export const everything = (action: string) => isWanted({ hasMail: true, webhooks }, action);
export const mailOnly = (action: string) => isWanted({ hasMail: true, webhooks: [] }, action);

const seen = (text: string): string => text.replaceAll('\u2060', '');

export function createPostOffice(scene: Scene, options: { withWebhook?: boolean } = {}): PostOffice {
  const { store, audit, clock, administrators, authority, pepper } = scene;
  const now = () => clock.at;
  const mails: Mail[] = [];
  const posted: Posted[] = [];
  const failing: Failing[] = [];
  const keyWarnings: string[] = [];
  const noticeParts: NoticeParts = {
    ...{ store, administrators, authority, now },
    administration: { emails: ['Root@example.com'], groups: ['leads'] },
    keyWarnings: () => keyWarnings,
  };
  const preferences = createPreferences({ store, audit, pepper, now });
  const mail = createMailChannel({
    ...{ ...noticeParts, preferences, perMinute: 60, publicUrl: 'https://auth.example.com', contact: null },
    send: async (message) => {
      mails.push({ ...message, text: seen(message.text), html: seen(message.html) });
      if (office.fail !== null) throw office.fail;
    },
  });
  const webhook = createWebhookChannel({
    ...{ name: 'siem', url: new URL('https://siem.example.com/hook'), secrets: [Buffer.alloc(24)] },
    ...{ format: 'cloudevents', labelOf: (action) => action, source: 'https://auth.example.com', now },
    post: async (_url, headers, body) => {
      posted.push({ headers, body });
      return { status: 200, retryAfter: 0 };
    },
  });
  const hooks = options.withWebhook === true ? webhooks : [];
  const channels = options.withWebhook === true ? [mail, webhook] : [mail];
  const ended: Outcome['state'][] = [];
  const queueOf = (holder: string): QueueParts => ({
    ...{ store, audit, holder, now, random: Math.random },
    onEnd: (_channel, outcome) => ended.push(outcome),
  });
  const planParts = {
    ...noticeParts,
    hasMail: true,
    webhooks: hooks,
    source: 'https://auth.example.com',
    log,
    logEvent: () => {},
  };
  const office: PostOffice = {
    ...{ mails, posted, failing, keyWarnings, preferences, mail, queueOf, fail: null },
    async plan() {
      await scene.settle();
      await watch({ store, audit, now, failing: () => failing, keyWarnings: () => keyWarnings });
      while (await planEvents(planParts));
      await queueReminders({ ...planParts, audit, reminderDays: [14, 3, 1] });
      while (await planEvents(planParts));
      await composeMails({ store, now });
    },
    async send() {
      ended.length = 0;
      for (const channel of channels) {
        // No pace: what a test looks at is what is sent, not when.
        while (await store.notificationMessages.isDue(channel.name, clock.at)) {
          await deliverNext(queueOf('office'), { ...channel, pause: 0 });
        }
      }
      return [...ended];
    },
    async work() {
      const before = mails.length;
      await office.plan();
      await office.send();
      return mails.slice(before);
    },
  };
  return office;
}

export function rejection(command: string, responseCode: number): Error {
  return Object.assign(new Error(`${responseCode} no`), { command, responseCode });
}
