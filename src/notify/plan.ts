/** Owns what becomes of an audit event that someone is to hear of: items for each reader, and a message for each webhook. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { Refusal } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { day, minute } from '../lib/time.ts';
import type { AuditRow } from '../store/audit-events.ts';
import type { NewMessage } from '../store/notification-messages.ts';
import type { NewItem } from '../store/notifications.ts';
import type { Category } from './categories.ts';
import { webhookChannel } from './channel.ts';
import { cloudEventOf, type EventSource } from './cloud-event.ts';
import { factsOf, type Notice, type NoticeParts, textIn } from './notice.ts';
import { notices } from './notices.ts';
import { addressOf, type Reader, readersOf } from './readers.ts';
import { sends, type WebhookEvents } from './wanted.ts';

export type PlanParts = NoticeParts & {
  /** Whether people get mail. */
  readonly hasMail: boolean;
  readonly webhooks: readonly WebhookEvents[];
  readonly source: EventSource;
  readonly log: Pick<Log, 'warn'>;
  /** Logs an event as it would be where it happens in the service. */
  readonly logEvent: (row: AuditRow) => void;
};

/** Events that are planned one after the other. */
const eventsAtOnce = 100;
/** Items that are stored together, so that no one waits long for the lock. */
const itemsAtOnce = 500;
/** Milliseconds within which a second message about new networks goes into the digest: there is one in each café. */
const networkPause = day;
/** Milliseconds after which a revocation that isn't complete has broken off. */
const revocationPatience = 10 * minute;

/** Plans what waits in the outbox, and logs what commands did. @returns whether something waited */
export async function planEvents(parts: PlanParts): Promise<boolean> {
  const { notifications } = parts.store;
  const rows = await notifications.events(eventsAtOnce);
  let planned = 0;
  for (const row of rows) {
    if (row.action === 'revocation' && !(await isComplete(parts, row))) continue;
    const items = parts.hasMail ? await itemsOrNone(parts, row) : [];
    for (let start = itemsAtOnce; start < items.length; start += itemsAtOnce) {
      await notifications.add(items.slice(start, start + itemsAtOnce));
      await yieldToOthers();
    }
    // First: the line can be there twice, and is never missing.
    if (isOfCommand(row)) parts.logEvent(row);
    await notifications.plan(row.id, items.slice(0, itemsAtOnce), messagesOf(parts, row));
    planned += 1;
  }
  return planned > 0;
}

/** A program with an API token of the command line has an address, and the service has logged what it did. */
function isOfCommand({ actor, address }: AuditRow): boolean {
  return actor === 'command line' && address === null;
}

/** The event of a revocation is stored before the first password ends. Of one that broke off, what has ended counts. */
async function isComplete({ store, now }: PlanParts, row: AuditRow): Promise<boolean> {
  if (now() - row.at > revocationPatience) return true;
  const id = textIn(factsOf(row, '').detail, 'id');
  const revocation = await store.revocations.byId(id);
  if (revocation === undefined || revocation.undone_at !== null) return true;
  const ended = (await store.notifications.revokedBy(id)).reduce((sum, { passwords }) => sum + passwords, 0);
  return ended >= revocation.passwords;
}

/** An event that can't be read mustn't hold up all others; the database being away does. */
async function itemsOrNone(parts: PlanParts, row: AuditRow): Promise<NewItem[]> {
  try {
    return await itemsOf(parts, row);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    parts.log.warn({ err: error, event: row.id }, 'an event reaches no one by mail');
    return [];
  }
}

async function itemsOf(parts: PlanParts, row: AuditRow): Promise<NewItem[]> {
  const notice = Object.entries(notices).find(([action]) => action === row.action)?.[1];
  if (notice === undefined) return [];
  const event = { subject: row.subject, revocationId: textIn(factsOf(row, '').detail, 'id') };
  const items: NewItem[] = [];
  for await (const reader of readersOf(parts, notice, event)) {
    const item = await itemOf(parts, row, notice, reader);
    if (item !== null) items.push(item);
  }
  return items;
}

/** `null` where there is nothing to say to this reader: no mail is begun for it. */
async function itemOf(parts: PlanParts, row: AuditRow, notice: Notice, reader: Reader): Promise<NewItem | null> {
  const { account, ownerId } = reader;
  if (addressOf(parts, account) === null) return null;
  const facts = factsOf(row, ownerId);
  if ((await notice.say(parts, facts, account)) === null) return null;
  return {
    id: `${row.id}-${account.id}-${ownerId}`,
    account_id: account.id,
    ...(await urgencyOf(parts, row, notice, reader)),
    topic: row.action,
    at: row.at,
    data_json: JSON.stringify(facts),
  };
}

/** Robots of CI systems come from new networks all day: their owners read of it once a day, if they want to. */
async function urgencyOf(
  parts: PlanParts,
  { action }: AuditRow,
  notice: Notice,
  { account, ownerId }: Reader,
): Promise<Pick<NewItem, 'class' | 'category'>> {
  if (action !== 'password.new-address') return { class: notice.class, category: notice.category };
  if (ownerId !== account.id) return { class: 'digest', category: 'robots' satisfies Category };
  const before = await parts.store.notifications.countSince(account.id, action, parts.now() - networkPause);
  return { class: before > 0 ? 'digest' : notice.class, category: notice.category };
}

function messagesOf({ webhooks, source }: PlanParts, row: AuditRow): NewMessage[] {
  return webhooks
    .filter(({ events }) => sends(events, row.action))
    .map(({ name }) => ({
      ...{ id: `${row.id}-${name}`, channel: webhookChannel(name), class: 'event' as const, accountId: null },
      ...{ topic: row.action, bodyJson: JSON.stringify(cloudEventOf(row, source)), at: row.at },
    }));
}
