/** Mounts the pages of notifications: what someone gets, unsubscribing, what could not be delivered. */
import type { Router } from 'express';
import { createPreferences } from '../notify/categories.ts';
import { mailChannel, webhookChannel } from '../notify/channel.ts';
import { createDeliveries } from '../notify/deliveries.ts';
import { addressOf } from '../notify/readers.ts';
import { createDeliveryPages } from '../web/admin/deliveries.ts';
import { createNotificationPages } from '../web/notification-settings.ts';
import type { NotificationSettings } from './announced.ts';
import type { Core } from './core.ts';
import type { PageContext } from './page-context.ts';

/** Mount before sessions are read: the token alone says who unsubscribes, whatever site sends it. */
export function mountUnsubscribe(router: Router, context: PageContext, core: Core): void {
  const pages = pagesOf(context, core, true);
  router.get('/unsubscribe', pages.askUnsubscribe);
  router.post('/unsubscribe', pages.unsubscribe);
}

export function mountNotifications(router: Router, context: PageContext, core: Core, settings: NotificationSettings) {
  const { mail, webhooks } = settings.notifications;
  const own = pagesOf(context, core, mail !== null);
  router.get('/settings/notifications', context.requirePerson, own.show);
  router.post('/settings/notifications', context.requirePerson, own.save);
  const { store, audit } = core;
  const channels = [...(mail === null ? [] : [mailChannel]), ...webhooks.map(({ name }) => webhookChannel(name))];
  const deliveries = createDeliveries({ store, audit, now: Date.now });
  const pages = createDeliveryPages({ ...context.common, deliveries, channels });
  router.get('/admin/deliveries', pages.list);
  router.post('/admin/deliveries/:id/retry', pages.retry);
}

function pagesOf({ common, administration }: PageContext, core: Core, isOn: boolean) {
  const { includes } = administration.administrators;
  return createNotificationPages({
    ...{ ...common, includes, isOn },
    preferences: createPreferences({ ...core, now: Date.now }),
    addressOf: (account) => addressOf(core, account),
  });
}
