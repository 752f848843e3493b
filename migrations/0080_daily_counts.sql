-- Logins and denials by day, for charts. Days are counted since 1970-01-01, UTC.

-- A day without a row is one on which Dockpass didn't run: unknown, and not zero.
create table day_total (
  day integer primary key,
  logins bigint not null,
  denials bigint not null           -- requests of which something was denied
);

create table password_day (
  password_id text not null references app_password (id) on delete cascade,
  day integer not null,
  logins bigint not null,
  primary key (password_id, day)
);
create index password_day_by_day on password_day (day);
