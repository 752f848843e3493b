-- Workloads: jobs of CI systems and clusters that log in with an ID token of their platform, and what is made from such a token.

create table workload_issuer (
  name text primary key,            -- as the workloads file calls it
  sealed_keys text,                 -- the newest good key set, sealed and bound to this issuer (src/lib/cipher.ts); null: none
  keys_at bigint,                   -- when it was fetched
  asked_at bigint not null,         -- when a fetch last began: claimed before it, by whichever process asks
  problem text,                     -- why the last fetch brought nothing; null: it did
  off_at bigint,                    -- since when an administrator has switched it off; null: it's on
  off_by text,
  off_reason text,
  accepts_from bigint not null      -- ID tokens issued before don't count: the issuer was off meanwhile
);

create table workload_credential (
  id text primary key,              -- random; safe to show and to log
  kind text not null,               -- 'password' (exchanged for an ID token) or 'identity-token' (docker keeps it instead of one)
  hash text not null unique,        -- base64url of HMAC-SHA-256(pepper, secret); the secret itself is nowhere
  pepper_id text not null,
  issuer text not null,             -- as the workloads file calls it
  rule text not null,               -- hash of the conditions that let it in, to count by
  account text not null,            -- "ci:github:acme/web", as it was when this was made
  run text,                         -- the run of the platform, for the audit
  service text,                     -- the only service that takes it; null: any
  sealed_claims text not null,      -- the verified claims, judged again at each use
  created_at bigint not null,
  ends_at bigint not null,          -- set once: nothing extends it
  removable_at bigint not null,     -- from then on the ID token can't make it again either
  ended_at bigint                   -- when a leak report or the issuer being switched off ended it
);
create index workload_credential_by_rule on workload_credential (rule, ends_at);
create index workload_credential_by_removal on workload_credential (removable_at);
create index workload_credential_by_issuer on workload_credential (issuer);

create table workload_use (
  issuer text not null,
  account text not null,
  run text not null,                -- '' where the platform doesn't say
  rule text not null,               -- of the last use
  address text not null,            -- of the last use
  first_at bigint not null,
  last_at bigint not null,          -- exact to a minute
  primary key (issuer, account, run)
);
create index workload_use_by_time on workload_use (last_at);
create index workload_use_by_rule on workload_use (rule, last_at);

create table workload_failure (
  id text primary key,              -- hash of what it's counted by: issuer, reason, and the ids that the token claims
  issuer text not null,
  reason text not null,             -- 'no-rule', 'expired' ...: src/workload/refusal.ts
  who text not null,                -- the immutable ids of a verified token; '' where none was verified
  claims_json text,                 -- of the last time, shortened; null where the signature wasn't verified
  nearest_json text,                -- the rule that came closest, and which conditions failed; null: none
  known integer not null,           -- 1: one of the ids is in a rule, so it isn't a stranger's
  address text not null,
  count integer not null,
  first_at bigint not null,
  last_at bigint not null
);
create index workload_failure_by_time on workload_failure (last_at);
