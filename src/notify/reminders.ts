/** Owns the reminders of passwords that end soon: which is due, and that each is queued once. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { Audit } from '../audit/audit.ts';
import { day } from '../lib/time.ts';
import type { EndingPassword, NewItem, Reminder } from '../store/notifications.ts';
import type { Category } from './categories.ts';
import type { Facts, NoticeParts } from './notice.ts';
import { expiryTopic } from './notices.ts';
import { daysUntil } from './password-notices.ts';
import { addressOf, readersFor } from './readers.ts';

export type ReminderParts = NoticeParts & {
  readonly hasMail: boolean;
  readonly audit: Audit;
  /** Days before the end, the most first. */
  readonly reminderDays: readonly number[];
};

/** Passwords of one transaction and one audit event: webhooks get one for all of them. */
const pieceSize = 100;
/** A password that lives less than this has one reminder, on its last day. */
const shortLife = 30 * day;
/** One that ends the day after it was made needs none. */
const tooShort = 2 * day;

/**
 * Days before the end of the reminder that is due; `null`: none is. After a downtime it's the nearest only. Days are UTC, so that
 * all that is due on a day is due when it begins, and one digest has it.
 */
export function dueReminder(
  { created_at: made, expires_at: end, reminded }: Pick<EndingPassword, 'created_at' | 'expires_at' | 'reminded'>,
  reminderDays: readonly number[],
  now: number,
): number | null {
  const life = end - made;
  if (life < tooShort || end <= now) return null;
  const left = daysUntil(end, now);
  const due = (life < shortLife ? [1] : reminderDays).filter((days) => left <= days);
  const nearest = due.length === 0 ? null : Math.min(...due);
  return nearest === null || (reminded !== null && reminded <= nearest) ? null : nearest;
}

/** Queues each reminder that is due. Processes that do it together agree on one of each. */
export async function queueReminders(parts: ReminderParts): Promise<void> {
  const { store, reminderDays } = parts;
  const now = parts.now();
  const until = now + (Math.max(1, ...reminderDays) + 1) * day;
  let after = { at: now, id: '' };
  for (;;) {
    const rows = await store.notifications.ending(after, until, pieceSize);
    const due = rows.flatMap((row) => {
      const days = dueReminder(row, reminderDays, now);
      return days === null ? [] : [{ row, days }];
    });
    if (due.length > 0) await queue(parts, due);
    const last = rows.at(-1);
    if (last === undefined || rows.length < pieceSize) return;
    after = { at: last.expires_at, id: last.id };
    await yieldToOthers();
  }
}

type Due = { readonly row: EndingPassword; readonly days: number };

async function queue(parts: ReminderParts, due: readonly Due[]): Promise<void> {
  const reminders: Reminder[] = [];
  for (const { row, days } of due) {
    reminders.push({ passwordId: row.id, days, items: parts.hasMail ? await itemsOf(parts, row, days) : [] });
  }
  const eventOf = (places: readonly number[]) => {
    const passwords = places.flatMap((place) => due[place]?.row ?? []);
    const list = passwords.map(({ id, name, login, expires_at: end }) => ({
      ...{ id, name, login },
      expires: new Date(end).toISOString(),
    }));
    const logins = new Set(passwords.map(({ login }) => login));
    const subject = logins.size === 1 ? (passwords[0]?.login ?? '') : '';
    const detail = { passwords: list.length, list };
    return { action: expiryTopic, actor: 'reminders', client: null, subject, detail } as const;
  };
  await parts.audit.commit(eventOf, (row) => parts.store.notifications.remind(reminders, parts.now(), row));
}

async function itemsOf(parts: ReminderParts, password: EndingPassword, days: number): Promise<NewItem[]> {
  const owner = await parts.store.accounts.byId(password.account_id);
  if (owner === undefined) return [];
  const category: Category = owner.kind === 'robot' ? 'robots' : 'passwords';
  const items: NewItem[] = [];
  for await (const { account } of readersFor(parts, owner)) {
    if (addressOf(parts, account) === null || (await isOptedOut(parts, account.id, category))) continue;
    const at = parts.now();
    const detail = { id: password.id };
    const facts: Facts = { at, actor: '', subject: owner.login, address: '', client: '', detail, ownerId: owner.id };
    items.push({
      ...{ id: `expiring-${password.id}-${days}-${account.id}`, account_id: account.id, class: 'digest', category },
      ...{ topic: expiryTopic, at, data_json: JSON.stringify(facts) },
    });
  }
  return items;
}

async function isOptedOut({ store }: ReminderParts, accountId: string, category: Category): Promise<boolean> {
  return (await store.notificationOptOuts.of(accountId)).some((row) => row.category === category);
}
