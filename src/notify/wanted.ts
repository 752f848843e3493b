/** Owns whether anyone is to hear of an audit event, by mail or by a webhook. */
import { isAboutNotifications, notices } from './notices.ts';

export type WebhookEvents = {
  readonly name: string;
  /** Audit actions, or beginnings such as `password.*`; `*`: all. */
  readonly events: readonly string[];
};

type Channels = {
  /** Whether people get mail. */
  readonly hasMail: boolean;
  readonly webhooks: readonly WebhookEvents[];
};

/** Whether someone is to hear of an event of this kind. */
export function isWanted({ hasMail, webhooks }: Channels, action: string): boolean {
  if (hasMail && Object.hasOwn(notices, action)) return true;
  return webhooks.some(({ events }) => sends(events, action));
}

export function sends(events: readonly string[], action: string): boolean {
  if (isAboutNotifications(action)) return false;
  return events.some(
    (event) => event === '*' || event === action || (event.endsWith('.*') && action.startsWith(event.slice(0, -1))),
  );
}
