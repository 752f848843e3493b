/** Owns the statements on `notification_message`: the queue of mails and webhooks, taken by lease, kept until they're old. */
import { type AuditRowOf, runAudited } from './audit-events.ts';
import type { Sql, Statement } from './sql.ts';

/** A row of `notification_message`; the columns are explained in migrations/0060_notifications.sql. */
export type MessageRow = {
  readonly id: string;
  readonly channel: string;
  readonly class: 'security' | 'digest' | 'event';
  readonly account_id: string | null;
  readonly topic: string;
  readonly body_json: string | null;
  readonly created_at: number;
  readonly due_at: number;
  readonly attempts: number;
  readonly claims: number;
  readonly claimed_by: string | null;
  readonly claimed_until: number | null;
  readonly state: 'waiting' | 'sent' | 'failed' | 'dropped';
  readonly ended_at: number | null;
  readonly problem: string | null;
};

/** Times are epoch milliseconds. */
export type NewMessage = {
  readonly id: string;
  readonly channel: string;
  readonly class: MessageRow['class'];
  readonly accountId: string | null;
  readonly topic: string;
  readonly bodyJson: string | null;
  readonly at: number;
};

/** A message as administrators see it. */
export type ListedMessage = MessageRow & { readonly login: string | null };

export type Ended = {
  readonly state: 'sent' | 'failed' | 'dropped';
  readonly at: number;
  readonly problem: string | null;
};

/** Who claims a message, and until when no one else can. */
export type Claim = { readonly holder: string; readonly now: number; readonly until: number };

export type NotificationMessageStore = {
  /** Whether `claim` would find one, without writing anything. */
  isDue(channel: string, now: number): Promise<boolean>;
  /** Takes the message that has been due the longest; a claim that has run out counts no more. `undefined`: none is due. */
  claim(channel: string, claim: Claim): Promise<MessageRow | undefined>;
  /** Records how a message ended, if the claim is still this holder's. False where it isn't. */
  end(id: string, holder: string, ended: Ended, audit: AuditRowOf): Promise<boolean>;
  /** Gives a message back until `dueAt`. */
  postpone(id: string, holder: string, dueAt: number, problem: string): Promise<void>;
  /** Queues one again that failed. False where it didn't. */
  again(id: string, now: number, audit: AuditRowOf): Promise<boolean>;
  byId(id: string): Promise<ListedMessage | undefined>;
  /** Failed ones, the latest first. */
  failed(limit: number): Promise<ListedMessage[]>;
  /** Those that wait or failed. */
  counts(): Promise<{ readonly channel: string; readonly state: MessageRow['state']; readonly messages: number }[]>;
  /** Channels that messages wait for. */
  channels(): Promise<{ readonly channel: string }[]>;
  /** Drops what waits for a channel that isn't there any more. */
  drop(channel: string, at: number): Promise<void>;
  /** Removes at most `limit` that ended before; returns how many. */
  removeBefore(time: number, limit: number): Promise<number>;
};

const insert = `
  insert into notification_message (id, channel, class, account_id, topic, body_json, created_at, due_at, attempts, claims, state)
  values ($1, $2, $3, $4, $5, $6, $7, $7, 0, 0, 'waiting') on conflict (id) do nothing`;
const isFree = `state = 'waiting' and due_at <= $2 and (claimed_until is null or claimed_until <= $2)`;
const isDue = `select 1 as one from notification_message where channel = $1 and ${isFree} limit 1`;
/** PostgreSQL looks at the outer condition again once it has the row's lock, so that only one process gets it. */
const claim = `
  update notification_message set claimed_by = $3, claimed_until = $4, attempts = attempts + 1, claims = claims + 1
  where id = (select id from notification_message where channel = $1 and ${isFree} order by due_at, id limit 1)
    and ${isFree}
  returning *`;
const end = `
  update notification_message set state = $3, ended_at = $4, problem = $5, claimed_by = null, claimed_until = null, claims = 0
  where id = $1 and claimed_by = $2 and state = 'waiting'`;
const postpone = `
  update notification_message set due_at = $3, problem = $4, claimed_by = null, claimed_until = null, claims = 0
  where id = $1 and claimed_by = $2 and state = 'waiting'`;
const again = `
  update notification_message set state = 'waiting', due_at = $2, attempts = 0, ended_at = null where id = $1 and state = 'failed'`;
const listed = 'select m.*, a.login from notification_message m left join account a on a.id = m.account_id';
const counts = `
  select channel, state, count(*) as messages from notification_message where state in ('waiting', 'failed')
  group by channel, state order by channel, state`;
const drop = `
  update notification_message set state = 'dropped', ended_at = $2, problem = 'the channel is not configured any more'
  where channel = $1 and state = 'waiting'`;
const removeBefore = `
  delete from notification_message where id in (
    select id from notification_message where state <> 'waiting' and ended_at < $1 limit $2)`;

export function createNotificationMessageStore(sql: Sql): NotificationMessageStore {
  return {
    isDue: async (channel, now) => (await sql.get<{ one: number }>(isDue, [channel, now])) !== undefined,
    claim: (channel, { holder, now, until }) => sql.get<MessageRow>(claim, [channel, now, holder, until]),
    end: async (id, holder, { state, at, problem }, audit) =>
      (await runAudited(sql, { text: end, values: [id, holder, state, at, problem] }, audit)) === 1,
    async postpone(id, holder, dueAt, problem) {
      await sql.run(postpone, [id, holder, dueAt, problem]);
    },
    again: async (id, now, audit) => (await runAudited(sql, { text: again, values: [id, now] }, audit)) === 1,
    byId: (id) => sql.get<ListedMessage>(`${listed} where m.id = $1`, [id]),
    failed: (limit) =>
      sql.all<ListedMessage>(`${listed} where m.state = 'failed' order by m.ended_at desc, m.id limit $1`, [limit]),
    counts: () => sql.all<{ channel: string; state: MessageRow['state']; messages: number }>(counts),
    channels: () =>
      sql.all<{ channel: string }>(
        "select distinct channel from notification_message where state = 'waiting' order by channel",
      ),
    async drop(channel, at) {
      await sql.run(drop, [channel, at]);
    },
    removeBefore: (time, limit) => sql.run(removeBefore, [time, limit]),
  };
}

/** A message of this id that is there already stays as it is. */
export function newMessage({ id, channel, class: of, accountId, topic, bodyJson, at }: NewMessage): Statement {
  return { text: insert, values: [id, channel, of, accountId, topic, bodyJson, at] };
}
