-- What each provider has sent before. What it then leaves out means something: no "auth_time" proves no fresh sign-in,
-- no groups claim means no groups. It's here so that workers, replicas and restarts agree.

create table provider_sent (
  provider text not null,           -- its configured name, for people to read
  issuer text not null,             -- OpenID Connect "iss"
  what text not null,               -- 'auth_time', 'groups in the ID token' ...: the list is in src/sign-in/sent-before.ts
  at bigint not null,               -- noted last, exact to an hour
  primary key (issuer, what)
);
