-- Logins of accounts that were removed or changed their address. Rules of the policy may still name them, so nobody else gets one
-- until an administrator releases it.

create table retired_login (
  login text primary key,
  kind text not null,               -- of the account: 'person' or 'robot'
  issuer text not null,             -- with the subject: the person who can have it again
  subject text not null,
  owner_group text,                 -- robots: the group that can have it again; null for people
  at bigint not null,
  retired_by text not null          -- login of the administrator, 'command line', or the person's own login for a new address
);
create index retired_login_by_time on retired_login (at);
