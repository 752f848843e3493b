/** Owns webhooks as a channel: an event is signed and posted to the configured URL, as a CloudEvent or for Slack. */

import { readJson } from '../lib/json.ts';
import { minute } from '../lib/time.ts';
import type { MessageRow } from '../store/notification-messages.ts';
import { type Channel, type Outcome, webhookChannel } from './channel.ts';
import { type CloudEvent, cloudEventOf, type EventSource, isCloudEvent } from './cloud-event.ts';
import { signatureOf } from './signature.ts';
import { type LabelOf, slackMessageOf } from './slack.ts';
import { type Post, TargetRefused } from './target.ts';

export type WebhookParts = {
  readonly name: string;
  readonly url: URL;
  readonly secrets: readonly Uint8Array[];
  readonly format: 'cloudevents' | 'slack';
  readonly post: Post;
  readonly labelOf: LabelOf;
  readonly source: EventSource;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Slack takes one message a second (api.slack.com/apis/rate-limits). */
const slackPause = 1_100;
/** Milliseconds: the longest that a receiver's Retry-After counts. */
const longestWait = 60 * minute;

export function createWebhookChannel(parts: WebhookParts): Channel {
  return {
    name: webhookChannel(parts.name),
    pause: parts.format === 'slack' ? slackPause : 0,
    deliver: ({ id, body_json: body }: MessageRow) =>
      body === null
        ? Promise.resolve({ state: 'dropped', problem: 'it has no content' })
        : send(parts, id, readJson(body, isCloudEvent)),
    test: (id) => send(parts, id, testEvent(parts, id)),
  };
}

async function send(parts: WebhookParts, id: string, event: CloudEvent): Promise<Outcome> {
  const { secrets, format, url, post, labelOf, source, now } = parts;
  const isSlack = format === 'slack';
  const body = JSON.stringify(isSlack ? slackMessageOf(event, labelOf, `${source}/admin/audit`) : event);
  const timestamp = Math.floor(now() / 1000);
  const headers = {
    'Content-Type': isSlack ? 'application/json' : 'application/cloudevents+json; charset=utf-8',
    'User-Agent': 'Dockpass',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    ...(secrets.length > 0 && { 'webhook-signature': signatureOf(secrets, { id, timestamp, body }) }),
  };
  try {
    return outcomeOf(await post(url, headers, body));
  } catch (error) {
    // The message of a library can hold the address, which can be a secret.
    const problem = error instanceof TargetRefused ? error.message : reasonOf(error);
    return { state: 'postponed', problem };
  }
}

function outcomeOf({ status, retryAfter }: Awaited<ReturnType<Post>>): Outcome {
  if (status >= 200 && status < 300) return { state: 'sent' };
  // Standard Webhooks: the receiver wants no more of it.
  if (status === 410) return { state: 'failed', problem: 'HTTP 410: the receiver is gone' };
  const more = status >= 300 && status < 400 ? ', a redirect, which is not followed' : '';
  const after = Math.min(longestWait, retryAfter * 1000);
  return { state: 'postponed', problem: `HTTP ${status}${more}`, ...(after > 0 && { after }) };
}

function reasonOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (code === 'ABORT_ERR') return 'no answer in time';
  return typeof code === 'string' ? `no connection (${code})` : 'no connection';
}

function testEvent({ source, now }: WebhookParts, id: string): CloudEvent {
  const row = {
    ...{ id, at: now(), action: 'notification.test', actor: 'command line', subject: '' },
    ...{ address: null, client: null, request_id: null, repository: null, detail_json: '{}' },
  };
  return cloudEventOf(row, source);
}
