/** Owns the page of notifications that could not be delivered: which, why, and another try. */
import type { Request, RequestHandler, Response } from 'express';
import { mailChannel, webhookChannel } from '../../notify/channel.ts';
import type { Deliveries, FailedDelivery } from '../../notify/deliveries.ts';
import { sections } from '../navigation.ts';
import { actorOf } from '../session.ts';
import { formatTime } from '../time-view.ts';
import { actionLabels, isAuditAction } from './audit-labels.ts';
import { type AdminFrame, type AdminParts, tabs } from './section.ts';

export type DeliveryPageParts = AdminParts & {
  readonly deliveries: Deliveries;
  /** 'mail', 'webhook:NAME'. */
  readonly channels: readonly string[];
};

type DeliveryView = ReturnType<typeof viewOf>;
type ChannelView = { readonly name: string; readonly waiting: number; readonly failed: number };

declare module '../views.ts' {
  interface ViewData {
    'admin-deliveries': AdminFrame & {
      rows: readonly DeliveryView[];
      channels: readonly ChannelView[];
      isTriedAgain: boolean;
    };
  }
}

export type DeliveryPages = {
  /** GET /admin/deliveries */
  readonly list: RequestHandler;
  /** POST /admin/deliveries/:id/retry */
  readonly retry: RequestHandler<{ id: string }>;
};

const frame: AdminFrame = { section: sections.administration, tab: tabs.deliveries };

export function createDeliveryPages(parts: DeliveryPageParts): DeliveryPages {
  return {
    list: (request, response) => list(parts, request, response),
    retry: (request, response) => retry(parts, request, response),
  };
}

async function list(parts: DeliveryPageParts, request: Request, response: Response): Promise<void> {
  const [failed, counts] = await Promise.all([parts.deliveries.failed(), parts.deliveries.counts()]);
  const countOf = (channel: string, state: string) =>
    counts.find((count) => count.channel === channel && count.state === state)?.messages ?? 0;
  const names = [...new Set([...parts.channels, ...counts.map(({ channel }) => channel)])];
  parts.views.page(response, 'admin-deliveries', {
    ...frame,
    rows: failed.map((row) => viewOf(row, parts.now())),
    channels: names.map((name) => ({
      ...{ name: labelOf(name), waiting: countOf(name, 'waiting'), failed: countOf(name, 'failed') },
    })),
    isTriedAgain: request.query['done'] === 'retry',
  });
}

async function retry(parts: DeliveryPageParts, request: Request<{ id: string }>, response: Response): Promise<void> {
  await parts.deliveries.retry(request.params.id, actorOf(parts, request));
  response.redirect(303, `${parts.views.prefix}${tabs.deliveries}?done=retry`);
}

/** "Webhook chat" */
function labelOf(channel: string): string {
  return channel === mailChannel ? 'Mail' : `Webhook ${channel.slice(webhookChannel('').length)}`;
}

function viewOf({ id, channel, login, topic, attempts, endedAt, problem }: FailedDelivery, now: number) {
  const what = isAuditAction(topic) ? actionLabels[topic] : 'Mail';
  return { ...{ id, channel: labelOf(channel), login, what, attempts, problem }, ended: formatTime(endedAt, now) };
}
