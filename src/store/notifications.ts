/** Owns the statements on what notifications are made of: the outbox of audit events, items for readers, reminders, marks. */
import { type AuditRow, type AuditRowOf, addRow, runAudited } from './audit-events.ts';
import { type NewMessage, newMessage } from './notification-messages.ts';
import type { Sql, Statement } from './sql.ts';

/** How urgent an item is: 'security' soon, 'digest' at most once a day. */
export type ItemClass = 'security' | 'digest';

/** A row of `notification_item`; the columns are explained in migrations/0060_notifications.sql. */
export type ItemRow = {
  readonly id: string;
  readonly account_id: string;
  readonly class: ItemClass;
  readonly category: string;
  readonly topic: string;
  readonly at: number;
  readonly data_json: string;
  readonly message_id: string | null;
};

export type NewItem = Omit<ItemRow, 'message_id'>;

/** A password that ends soon, with what decides about its reminder. */
export type EndingPassword = {
  readonly id: string;
  readonly account_id: string;
  readonly name: string;
  readonly created_at: number;
  readonly expires_at: number;
  readonly login: string;
  readonly kind: 'person' | 'robot';
  readonly owner_group: string | null;
  /** Days before the end of the last reminder; `null`: there was none. */
  readonly reminded: number | null;
};

export type Reminder = { readonly passwordId: string; readonly days: number; readonly items: readonly NewItem[] };

export type Reader = { readonly account_id: string; readonly first: string };

export type NotificationStore = {
  /** Audit events that aren't planned yet, or logged where a command made them; the oldest first. */
  events(limit: number): Promise<AuditRow[]>;
  /** Stores what an event means for each reader and takes it out of the outbox, all or nothing. */
  plan(eventId: string, items: readonly NewItem[], messages: readonly NewMessage[]): Promise<void>;
  /** Stores items of an event that has more than fit into one transaction. */
  add(items: readonly NewItem[]): Promise<void>;
  /** Active passwords without a successor that end in the given time, by their end, after the one that is given. */
  ending(after: { at: number; id: string }, until: number, limit: number): Promise<EndingPassword[]>;
  /**
   * Stores reminders with their items, each once.
   * @param audit gets the places in `reminders` of those that are new
   */
  remind(reminders: readonly Reminder[], at: number, audit: AuditRowOf<readonly number[]>): Promise<void>;
  /**
   * Who has items that wait, of those who have no message of this class that waits, or was made or sent after `since`. `first` is the
   * first item's id.
   */
  readers(itemClass: ItemClass, since: number, limit: number): Promise<Reader[]>;
  /** Stores a message and gives it the reader's items that wait. False where there is such a message already. */
  compose(message: NewMessage): Promise<boolean>;
  /** Gives a message the items that have been added for its reader since. */
  absorb(message: { readonly id: string; readonly account_id: string; readonly class: string }): Promise<void>;
  itemsOf(messageId: string): Promise<ItemRow[]>;
  /** How many items of the topic the reader got after a moment. */
  countSince(accountId: string, topic: string, since: number): Promise<number>;
  /** Stores a mark with its audit row, unless it was stored after `since`. */
  mark(name: string, at: number, since: number, audit: AuditRowOf): Promise<boolean>;
  /** By account: how many passwords a revocation by an administrator holds ended. */
  revokedBy(revocationId: string): Promise<{ readonly account_id: string; readonly passwords: number }[]>;
  /** Ended by a revocation, and still. */
  revokedOf(revocationId: string, accountId: string): Promise<{ readonly name: string }[]>;
  /** Removes items that wait for no message yet: mail is off. */
  forgetItems(): Promise<void>;
  /** Each removes at most `limit` rows of before; returns how many. What a message has that waits or failed stays. */
  removeItemsBefore(time: number, limit: number): Promise<number>;
  removeRemindersBefore(time: number, limit: number): Promise<number>;
  removeMarksBefore(time: number): Promise<number>;
};

const events = `
  select a.* from notification_event n join audit_event a on a.id = n.id order by n.id limit $1`;
const removeEvent = 'delete from notification_event where id = $1';
const insertItem = `
  insert into notification_item (id, account_id, class, category, topic, at, data_json)
  values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing`;
const ending = `
  select p.id, p.account_id, p.name, p.created_at, p.expires_at, a.login, a.kind, a.owner_group,
         (select min(r.days) from notification_reminder r where r.password_id = p.id) as reminded
  from app_password p join account a on a.id = p.account_id
  where (p.expires_at > $1 or (p.expires_at = $1 and p.id > $2)) and p.expires_at <= $3 and p.revoked_at is null
    and p.replaced_by is null and a.state = 'active' and coalesce(p.origin, '') <> 'terminal'
  order by p.expires_at, p.id limit $4`;
const insertReminder = `
  insert into notification_reminder (password_id, days, at) values ($1, $2, $3) on conflict (password_id, days) do nothing`;
const readers = `
  select i.account_id, min(i.id) as first from notification_item i
  where i.message_id is null and i.class = $1
    and not exists (select 1 from notification_message m
                    where m.account_id = i.account_id and m.class = $1
                      and (m.state = 'waiting' or m.created_at > $2 or (m.state = 'sent' and m.ended_at > $2)))
  group by i.account_id order by i.account_id limit $3`;
const give = 'update notification_item set message_id = $1 where message_id is null and account_id = $2 and class = $3';
const mark = `
  insert into notification_mark (name, at) values ($1, $2)
  on conflict (name) do update set at = excluded.at where notification_mark.at <= $3`;
const revokedBy = `
  select account_id, count(*) as passwords from app_password where revocation_id = $1 and revoked_at is not null
  group by account_id order by account_id`;
/** `coalesce` keeps the planner off the index on revocation_id: a revocation can have 10,000 rows, an account has a few. */
const revokedOf = `
  select name from app_password
  where account_id = $2 and coalesce(revocation_id, '') = $1 and revoked_at is not null order by name`;
const removeItems = `
  delete from notification_item where id in (
    select i.id from notification_item i
    where i.at < $1 and not exists (select 1 from notification_message m
                                    where m.id = i.message_id and m.state in ('waiting', 'failed')) limit $2)`;
const removeReminders = `
  delete from notification_reminder where (password_id, days) in (
    select password_id, days from notification_reminder where at < $1 limit $2)`;

export function createNotificationStore(sql: Sql): NotificationStore {
  return {
    events: (limit) => sql.all<AuditRow>(events, [limit]),
    async plan(eventId, items, messages) {
      await sql.batch([...items.map(newItem), ...messages.map(newMessage), { text: removeEvent, values: [eventId] }]);
    },
    async add(items) {
      await sql.batch(items.map(newItem));
    },
    ending: ({ at, id }, until, limit) => sql.all<EndingPassword>(ending, [at, id, until, limit]),
    remind: (reminders, at, audit) =>
      sql.atomic(function* () {
        const stored: number[] = [];
        for (const [index, { passwordId, days, items }] of reminders.entries()) {
          if ((yield { text: insertReminder, values: [passwordId, days, at] }) === 0) continue;
          stored.push(index);
          for (const item of items) yield newItem(item);
        }
        if (stored.length > 0) yield* addRow(audit(stored));
      }),
    readers: (itemClass, since, limit) => sql.all<Reader>(readers, [itemClass, since, limit]),
    compose: (message) =>
      sql.atomic(function* () {
        if ((yield newMessage(message)) === 0) return false;
        yield { text: give, values: [message.id, message.accountId, message.class] };
        return true;
      }),
    async absorb({ id, account_id, class: itemClass }) {
      await sql.run(give, [id, account_id, itemClass]);
    },
    itemsOf: (messageId) =>
      sql.all<ItemRow>('select * from notification_item where message_id = $1 order by at, id', [messageId]),
    countSince: async (accountId, topic, since) =>
      (
        await sql.get<{ count: number }>(
          'select count(*) as count from notification_item where account_id = $1 and topic = $2 and at > $3',
          [accountId, topic, since],
        )
      )?.count ?? 0,
    mark: async (name, at, since, audit) =>
      (await runAudited(sql, { text: mark, values: [name, at, since] }, audit)) === 1,
    revokedBy: (revocationId) => sql.all<{ account_id: string; passwords: number }>(revokedBy, [revocationId]),
    revokedOf: (revocationId, accountId) => sql.all<{ name: string }>(revokedOf, [revocationId, accountId]),
    async forgetItems() {
      await sql.run('delete from notification_item where message_id is null');
    },
    removeItemsBefore: (time, limit) => sql.run(removeItems, [time, limit]),
    removeRemindersBefore: (time, limit) => sql.run(removeReminders, [time, limit]),
    removeMarksBefore: (time) => sql.run('delete from notification_mark where at < $1', [time]),
  };
}

function newItem(item: NewItem): Statement {
  const { id, account_id, class: itemClass, category, topic, at, data_json } = item;
  return { text: insertItem, values: [id, account_id, itemClass, category, topic, at, data_json] };
}
