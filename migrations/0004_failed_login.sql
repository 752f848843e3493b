-- Wrong passwords of the last minutes, so that all replicas limit guessing together. Both columns are keyed hashes: a wrong password is often nearly a right one.

create table failed_login (
  attempt text not null,            -- address and user name that the password came with
  secret text not null,             -- the password; the same one twice counts once
  at bigint not null,
  primary key (attempt, secret)
);
create index failed_login_by_time on failed_login (at);
