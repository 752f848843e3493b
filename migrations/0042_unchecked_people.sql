-- Whether people whose provider can't be asked about keep their passwords until an operator sets UNCHECKED_DAYS.
create table unchecked_people (
  mode text primary key             -- 'keep' where they had them before there was a limit; no row: the limit holds
);
-- Version 0.2.0 had the limit, and made the row of `installation` at its first start.
insert into unchecked_people (mode)
select 'keep' where exists (select 1 from account where kind = 'person') and not exists (select 1 from installation);
