-- Notifications by mail and webhook: what is to be told, the messages that tell it, and who doesn't want them.

-- The outbox: stored in the transaction of the audit event, gone once what it means for each reader is queued.
create table notification_event (
  id text primary key               -- of the audit_event
);

create table notification_item (
  id text primary key,              -- made of the event and the reader, so that planning twice adds nothing
  account_id text not null,         -- who is to read it
  class text not null,              -- 'security': soon; 'digest': at most once a day
  category text not null,           -- 'security', or what a person can unsubscribe from
  topic text not null,              -- the audit action
  at bigint not null,
  data_json text not null,          -- what the message says; never a secret
  message_id text                   -- the notification_message that has it; null: waits for one
);
create index notification_item_waiting on notification_item (account_id, class) where message_id is null;
create index notification_item_by_message on notification_item (message_id) where message_id is not null;

create table notification_message (
  id text primary key,              -- Message-ID and webhook-id come from it: a repetition has the same
  channel text not null,            -- 'mail' or 'webhook:NAME'
  class text not null,              -- 'security', 'digest' or 'event' (webhooks)
  account_id text,                  -- to whom; null for webhooks
  topic text not null,              -- the audit action; '' for a mail, whose items have it
  body_json text,                   -- of a webhook; null for a mail, which is written when it is sent
  created_at bigint not null,
  due_at bigint not null,           -- of the next attempt
  attempts integer not null,
  claims integer not null,          -- since the last recorded outcome; more than one: a process died with it
  claimed_by text,
  claimed_until bigint,             -- from then on another process can take it
  state text not null,              -- 'waiting', 'sent', 'failed', or 'dropped': nothing in it held any more
  ended_at bigint,
  problem text                      -- of the last attempt; never an address or a secret
);
create index notification_message_waiting on notification_message (channel, due_at) where state = 'waiting';
create index notification_message_by_account on notification_message (account_id, class, created_at) where account_id is not null;
create index notification_message_by_end on notification_message (state, ended_at);

-- Which reminders of its end were queued for a password.
create table notification_reminder (
  password_id text not null,
  days integer not null,            -- before the end
  at bigint not null,
  primary key (password_id, days)
);
create index notification_reminder_by_time on notification_reminder (at);

-- What is told once in a while, as long as it lasts: a provider that fails, a key that is due.
create table notification_mark (
  name text primary key,            -- 'provider google'
  at bigint not null
);

-- What people have unsubscribed from.
create table notification_opt_out (
  account_id text not null,
  category text not null,
  at bigint not null,
  primary key (account_id, category)
);
