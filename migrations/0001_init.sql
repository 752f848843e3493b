-- The first tables. One text for SQLite and PostgreSQL: text, integer and bigint alone, no engine's own words.
-- Times are epoch milliseconds, flags are 0 or 1, lists are JSON text.

create table account (
  id text primary key,              -- random, opaque; never reused
  kind text not null,               -- 'person' (signs in with a provider) or 'robot'
  provider text not null,           -- the configured name of the provider that vouches: 'google', 'keycloak'
  issuer text not null,             -- OpenID Connect "iss"; with subject the only thing that identifies a person
  subject text not null,            -- OpenID Connect "sub"
  login text not null unique,       -- the docker user name: the case-folded e-mail; moves when the e-mail changes
  email text,                       -- as the provider wrote it, for people to read
  display_name text,                -- the provider's "name"
  domain text,                      -- Google's "hd", elsewhere the verified e-mail's domain
  groups_json text not null,        -- JSON list of prefixed group names: ["google:dev@example.com"]
  groups_at bigint,                 -- when the groups were last confirmed; null: unknown, which is not "none"
  state text not null,              -- 'active' or 'disabled'; a disabled account's passwords and sessions do not work
  created_at bigint not null,
  signed_in_at bigint,              -- last completed sign-in
  unique (issuer, subject)
);

create table app_password (
  id text primary key,              -- random; safe to show, to log and to name on a command line
  account_id text not null references account (id),
  name text not null,               -- what its owner calls it: "laptop"
  hash text not null unique,        -- base64url of HMAC-SHA-256(pepper, secret); the secret itself is nowhere
  pepper_id text not null,          -- which pepper made the hash, so that a pepper can be replaced
  hint text not null,               -- prefix and last four characters, to recognise the secret by
  actions_json text,                -- JSON list of the only actions it may get; null: not narrowed
  repositories_json text,           -- JSON list of globs of the only repositories; null: not narrowed
  created_at bigint not null,
  expires_at bigint not null,
  revoked_at bigint,                -- null: live until it expires
  revoked_by text,                  -- login of whoever revoked it, or 'command line'
  used_at bigint,                   -- last use; written at most every few minutes
  used_address text,                -- client address of the last use
  used_client text                  -- what the client called itself at the last use: "docker/28.2.2"
);
create index app_password_by_account on app_password (account_id);

create table web_session (
  id text primary key,              -- SHA-256 of the cookie's session id: reading this table gives nobody a session
  account_id text references account (id), -- null until somebody signed in
  data text not null,               -- express-session's JSON
  expires_at bigint not null        -- the sooner of the idle and the absolute limit
);
create index web_session_by_account on web_session (account_id);
create index web_session_by_expiry on web_session (expires_at);

create table audit_event (
  id text primary key,              -- sorts by time
  at bigint not null,
  action text not null,             -- 'sign-in', 'password.create' ...: the list is in src/audit.ts
  actor text not null,              -- who did it: a login, 'command line', '' for nobody known
  subject text not null,            -- whom or what it was done to
  address text,                     -- client address
  client text,                      -- user agent
  request_id text,                  -- the same as in the log and in the X-Request-Id of the answer
  detail_json text not null         -- what changed; never a secret
);
create index audit_event_by_time on audit_event (at);
create index audit_event_by_subject on audit_event (subject, at);
