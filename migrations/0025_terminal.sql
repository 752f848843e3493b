-- Sign-in from a terminal: requests that wait for their owner's approval, and machines that keep a refresh secret.

-- 'terminal': a password that a login from a terminal brought. 'machine': not a password but a machine, whose secrets are in
-- machine_secret; what ends it ends them all. null: made on a page, by the API or by a command.
alter table app_password add column origin text;
alter table app_password add column origin_address text; -- where the terminal was, as it asked

create table terminal_request (
  id text primary key,
  device_code_hash text not null unique, -- HMAC of what the terminal polls with
  user_code_hash text not null unique,   -- HMAC of what a person types
  network text not null,            -- of the terminal, to limit by
  address text not null,            -- of the terminal
  machine text not null,            -- what it calls itself; chosen by the requester
  client text not null,             -- User-Agent; chosen by the requester
  service text not null,            -- the registry it wants to log in to
  purpose text not null,            -- 'login' or 'machine'
  redirect_uri text,                -- of a sign-in on the same device (RFC 8252); null: the device flow
  state text,                       -- goes back to the redirect_uri as it came
  code_challenge text,              -- PKCE, S256 (RFC 7636)
  created_at bigint not null,
  expires_at bigint not null,
  account_id text references account (id), -- who decided; null: nobody yet
  decided_at bigint,
  approved integer,                 -- 1 or 0; null: nobody decided yet
  actions_json text,                -- what the page showed binds every password made from it
  repositories_json text,
  collected_at bigint,              -- when the terminal first fetched its secret
  password_id text                  -- the row of app_password that was made
);
create index terminal_request_by_network on terminal_request (network, expires_at);
create index terminal_request_by_expiry on terminal_request (expires_at);

create table terminal_guess (
  key text primary key,             -- HMAC of the person or network that typed a wrong code
  wrong integer not null,
  since bigint not null
);

create table machine_secret (
  hash text primary key,
  password_id text not null references app_password (id),
  generation integer not null,      -- the newest counts; the one before it for a while
  created_at bigint not null,
  used_at bigint,                   -- null: not yet
  unique (password_id, generation)
);

create table machine_password (
  hash text primary key,
  password_id text not null references app_password (id),
  created_at bigint not null,
  ends_at bigint not null
);
create index machine_password_by_owner on machine_password (password_id, created_at);
create index machine_password_by_end on machine_password (ends_at);
