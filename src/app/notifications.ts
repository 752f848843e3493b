/** Makes what sends notifications, from the settings: channels, what plans for them, and what pages show. */
import { randomBytes } from 'node:crypto';
import { createAdministrators } from '../accounts/administrators.ts';
import { logEvent } from '../audit/audit.ts';
import type { Config } from '../config/config.ts';
import { webhookPrefix } from '../config/webhooks.ts';
import { Refusal } from '../lib/errors.ts';
import { nearestWord } from '../lib/nearest-word.ts';
import { blockListOf } from '../lib/reachable-address.ts';
import { createPreferences } from '../notify/categories.ts';
import type { Channel } from '../notify/channel.ts';
import type { NoticeParts } from '../notify/notice.ts';
import { expiryTopic } from '../notify/notices.ts';
import type { QueueParts } from '../notify/queue.ts';
import { createPost, refusalOf, type TargetParts } from '../notify/target.ts';
import { sends } from '../notify/wanted.ts';
import type { Failing } from '../notify/watch.ts';
import { createWebhookChannel } from '../notify/webhook.ts';
import { startWorker, type Worker } from '../notify/worker.ts';
import type { Policy } from '../policy/acl.ts';
import { actionLabels, actions, isAuditAction } from '../web/admin/audit-labels.ts';
import { eventsOf, type NotificationSettings } from './announced.ts';
import type { Core } from './core.ts';

/**
 * Refuses webhooks that could never send anything.
 * @throws {Refusal} `misconfigured` that names the setting, and not the URL
 */
export async function checkWebhooks({ notifications }: NotificationSettings): Promise<void> {
  for (const webhook of notifications.webhooks) {
    const prefix = webhookPrefix(webhook.name);
    const unknown = (webhook.events ?? []).find((event) => !actions.some((action) => sends([event], action)));
    if (unknown !== undefined) {
      const nearest = nearestWord(unknown, actions, 4);
      const help = nearest === null ? 'docs/reference/events.md lists them.' : `Did you mean ${nearest}?`;
      throw new Refusal('misconfigured', `${prefix}EVENTS: no event is called "${unknown}". ${help}`);
    }
    const refusal = await refusalOf(targetOf(webhook), webhook.url);
    if (refusal !== null) throw new Refusal('misconfigured', `${prefix}URL is refused: ${refusal.message}.`);
  }
}

function targetOf({ name, allow }: Config['notifications']['webhooks'][number]): TargetParts {
  return { setting: `${webhookPrefix(name)}ALLOW`, allowed: blockListOf(allow) };
}

function noticeParts(
  config: Config,
  core: Core,
  policy: () => Policy,
  keyWarnings: () => readonly string[],
): NoticeParts {
  const { store, authority } = core;
  const { administrators: administration, gracePeriods } = config;
  const administrators = createAdministrators({ ...administration, policy, gracePeriods, authority, now: Date.now });
  return { store, administrators, administration, authority, keyWarnings, now: Date.now };
}

/** The channels that are configured; the test command and the delivery use the same. */
export async function createChannels(
  config: Config,
  core: Core,
  policy: () => Policy,
  keyWarnings: () => readonly string[],
): Promise<Channel[]> {
  const { publicUrl, prefix, contact, notifications } = config;
  const url = publicUrl.origin + prefix;
  const channels: Channel[] = [];
  const { mail } = notifications;
  if (mail !== null) {
    const [{ createMailChannel }, { createSmtp }] = await Promise.all([
      import('../notify/mail.ts'),
      import('../notify/smtp.ts'),
    ]);
    channels.push(
      createMailChannel({
        ...noticeParts(config, core, policy, keyWarnings),
        ...{ send: createSmtp(mail), perMinute: mail.perMinute, publicUrl: url, contact },
        preferences: createPreferences({ ...core, now: Date.now }),
      }),
    );
  }
  for (const webhook of notifications.webhooks) {
    const post = createPost(targetOf(webhook));
    channels.push(createWebhookChannel({ ...webhook, post, labelOf, source: url, now: Date.now }));
  }
  return channels;
}

function labelOf(action: string): string {
  return isAuditAction(action) ? actionLabels[action] : action;
}

/** Sends in the background. A trial sends nothing: its people are those of the live service. */
export async function startNotifications(
  config: Config,
  core: Core,
  parts: {
    readonly policy: () => Policy;
    readonly keyWarnings: () => readonly string[];
    readonly failing: () => readonly Failing[];
    readonly onEnd: QueueParts['onEnd'];
  },
  stopping: AbortSignal,
): Promise<Worker> {
  if (core.trial !== null) return { ended: async () => {} };
  const { mail, reminderDays } = config.notifications;
  const webhooks = eventsOf(config);
  const { policy, keyWarnings, failing, onEnd } = parts;
  return startWorker(
    {
      ...noticeParts(config, core, policy, keyWarnings),
      ...{ store: core.store, audit: core.audit, log: core.log, failing, onEnd, reminderDays, webhooks },
      ...{ holder: randomBytes(12).toString('hex'), random: Math.random },
      logEvent: (row) => logEvent(core.log, row),
      hasMail: mail !== null,
      hasReminders: mail !== null || webhooks.some(({ events }) => sends(events, expiryTopic)),
      source: config.publicUrl.origin + config.prefix,
      channels: await createChannels(config, core, policy, keyWarnings),
    },
    stopping,
  );
}
