/** Owns which audit events someone is to hear of, by the settings of mail and webhooks. */
import type { AuditAction } from '../audit/audit.ts';
import type { Config } from '../config/config.ts';
import { isWanted, type WebhookEvents } from '../notify/wanted.ts';

/** A chat gets what someone should look at, unless its settings say otherwise; CloudEvents are for programs, and are all. */
export const chatEvents: readonly AuditAction[] = [
  ...([
    'revocation',
    'password.leaked',
    'password.expiring',
    'person.disable',
    'person.suspend',
    'sweep.stop',
    'request.create',
  ] as const),
  ...(['robot.create', 'provider.failing', 'key.due', 'policy.refused', 'workload.leaked', 'workload.off'] as const),
];

export type NotificationSettings = Pick<Config, 'notifications'>;

/** Whether anyone is to hear of such an event: nothing is queued for a channel that is off. */
export function createIsAnnounced({ notifications }: NotificationSettings): (action: AuditAction) => boolean {
  const parts = { hasMail: notifications.mail !== null, webhooks: eventsOf({ notifications }) };
  return (action) => isWanted(parts, action);
}

export function eventsOf({ notifications }: NotificationSettings): WebhookEvents[] {
  return notifications.webhooks.map(({ name, events, format }) => ({
    name,
    events: events ?? (format === 'slack' ? chatEvents : ['*']),
  }));
}
