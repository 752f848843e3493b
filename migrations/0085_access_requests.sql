-- Access requests: what people ask for after a denial, and what administrators answer. Only the policy grants anything.

create table access_request (
  id text primary key,
  account_id text not null references account (id) on delete cascade,  -- who asks
  service text not null,
  name text not null,               -- the repository; whether there is one isn't known
  actions text not null,            -- sorted, with a space between two: 'pull push'
  note text not null,               -- what the person wrote; '' for nothing
  address text not null,            -- of the denial, for rules that look at addresses
  created_at bigint not null,
  answer text,                      -- 'accept' or 'refuse'
  answer_note text,
  answered_by text,
  answered_at bigint,
  granted_at bigint,                -- when the policy in force was first seen to grant it
  closed_at bigint                  -- refused or granted; null: open
);
create unique index access_request_open on access_request (account_id, service, name) where closed_at is null;
create index access_request_by_account on access_request (account_id, created_at);
create index access_request_by_time on access_request (created_at);
