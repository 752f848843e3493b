-- Whose database this is: one row, made by the first start.
create table installation (
  -- Random; stays the same for the life of the database, and in its copies.
  id text primary key,
  -- When `dockpass backup` made this copy, in epoch milliseconds; null in the database that is served.
  copied_at bigint
);
