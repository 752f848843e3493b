-- What administrators see and do: people by the hundred thousand, robots, rotation, revocation that can be undone.

alter table account add column search_text text not null default ''; -- login and name, case-folded, to search in
alter table account add column owner_group text;   -- robots: members of this group manage it; null for people
alter table account add column labels_json text;   -- robots: JSON object of what the policy sees as labels; null for people
alter table account add column description text;   -- robots: what it is for
alter table account add column created_by text;    -- robots: login of whoever made it, or 'command line'
update account set search_text = lower(login || ' ' || coalesce(display_name, ''));
create index account_by_kind on account (kind, login);
create index account_by_name on account (kind, (coalesce(display_name, login)), id);
create index account_by_sign_in on account (kind, (coalesce(signed_in_at, 0)), id);
create index account_by_creation on account (kind, created_at, id);

alter table app_password add column first_used_at bigint; -- null: never used
alter table app_password add column replaced_by text;     -- the password that took over when this one got a new secret
alter table app_password add column revocation_id text;   -- the revocation by an administrator that ended it
update app_password set first_used_at = used_at;
create index app_password_by_revocation on app_password (revocation_id);
create index app_password_by_expiry on app_password (expires_at);

create table revocation (
  id text primary key,
  at bigint not null,
  actor text not null,              -- login of the administrator, or 'command line'
  reason text not null,             -- told to the owners; may be empty
  selection_json text not null,     -- what was asked for: {"domain":"example.com"}
  passwords integer not null,       -- how many it ended
  undo_until bigint not null,
  undone_at bigint,                 -- null: it stands
  undone_by text
);
create index revocation_by_time on revocation (at);

create table password_use (
  password_id text not null references app_password (id),
  kind text not null,               -- 'address', 'client' or 'repository'
  value text not null,
  first_at bigint not null,         -- within what is kept: rows go 30 days after their last use
  last_at bigint not null,          -- exact to an hour
  primary key (password_id, kind, value)
);
create index password_use_by_time on password_use (last_at);

create table denial (
  id text primary key,              -- hash of what it is counted by: account, service, type, name, action, decided_by, rule_line
  account text not null,            -- docker user name; '' for those without credentials
  account_id text,                  -- null for users of the policy file and for ''
  service text not null,
  type text not null,               -- 'repository'
  name text not null,
  action text not null,
  decided_by text not null,         -- 'policy', or 'password': its limits
  rule_line integer not null,       -- of the policy file; 0: no rule matched
  rule_comment text,
  password_name text,               -- of the last time, as the address
  address text not null,
  count integer not null,
  first_at bigint not null,
  last_at bigint not null
);
create index denial_by_account on denial (account, last_at);
create index denial_by_account_id on denial (account_id, last_at);
create index denial_by_time on denial (last_at);

create table api_token (
  id text primary key,
  account_id text references account (id), -- the administrator who made it and must still be one; null: made on the command line
  created_by text not null,         -- login of the administrator, or 'command line'
  name text not null,
  hash text not null unique,        -- as of app_password
  pepper_id text not null,
  hint text not null,
  scopes_json text not null,        -- JSON list: ["people:read"]
  created_at bigint not null,
  expires_at bigint not null,
  revoked_at bigint,
  revoked_by text,
  used_at bigint,                   -- exact to five minutes
  used_address text
);

alter table audit_event add column repository text; -- of events that are about one
create index audit_event_by_actor on audit_event (actor, at);
create index audit_event_by_action on audit_event (action, at);
create index audit_event_by_repository on audit_event (repository, at) where repository is not null;
