-- Who is still there: why an account does not work, when it was last confirmed, and what is needed to ask.

alter table account add column state_reason text;  -- why it is not active, in words for its owner; null while active
alter table account add column state_by text;      -- who set the state: a login, 'command line', or 'provider', which a sign-in undoes
alter table account add column state_at bigint;
alter table account add column checked_at bigint;  -- when the provider was last asked, whatever came of it
alter table account add column confirmed_at bigint; -- when it last said that the person is there; null: it cannot be asked, so nothing ends by its silence

alter table web_session add column provider_session text; -- SHA-256 of the provider's issuer and "sid", for its back-channel logout
create index web_session_by_provider_session on web_session (provider_session);

create table refresh_token (
  account_id text primary key references account (id),
  sealed text not null,             -- AES-256-GCM, bound to the account: src/cipher.ts
  obtained_at bigint not null
);

create table lease (
  name text primary key,            -- what only one process may do at a time: 'sweep'
  holder text not null,             -- random, of the process
  until bigint not null             -- from then on anybody may take it
);

create table seen_token (
  id text primary key,              -- SHA-256 of issuer and "jti" of a signed message that must not count twice
  expires_at bigint not null
);
create index seen_token_by_expiry on seen_token (expires_at);
