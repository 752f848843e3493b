-- Who made a robot's password: it does no more than that person can. Filled from the audit; what the audit doesn't say stays unknown.

alter table app_password add column maker_id text;   -- robots: account of whoever received the secret; null: the command line, or unknown
alter table app_password add column maker_kind text; -- 'person': bounded by what the maker can do; 'administrator': by the robot's rules alone; null: unknown
create index app_password_by_maker on app_password (maker_id) where maker_id is not null;

alter table account add column created_by_id text;            -- robots: account of the person who made it; null: the command line, or unknown
alter table account add column stopped_for_security integer;  -- 1: disabled for a security reason, so that what the person made stops immediately
create index account_by_creator on account (created_by_id) where created_by_id is not null;

alter table denial add column maker text;            -- login of the maker where decided_by is 'maker'

create table robot_bound (
  mode text primary key             -- 'warn' where there were robots before makers were kept; no row: enforce
);
insert into robot_bound (mode) select 'warn' where exists (select 1 from account where kind = 'robot');

update account set created_by_id = (
    select m.id from account m
    where m.kind = 'person' and m.login = account.created_by and m.created_at <= account.created_at)
  where kind = 'robot';

update app_password set maker_kind = (
    select case when e.actor = 'command line' or e.actor like 'API token "%' then 'administrator' else 'person' end
    from account r join audit_event e on e.subject = r.login
    where r.id = app_password.account_id and e.action in ('password.create', 'password.rotate')
      and e.detail_json like '%"id":"' || app_password.id || '"%'
    order by e.at limit 1)
  where account_id in (select id from account where kind = 'robot');

update app_password set maker_id = (
    select m.id
    from account r
    join audit_event e on e.subject = r.login
    join account m on m.kind = 'person' and m.created_at <= e.at and (e.actor = m.login
      or (e.actor like 'API token "%' and length(e.actor) > length(m.login) + 5
        and substr(e.actor, length(e.actor) - length(m.login) - 4) = '" of ' || m.login))
    where r.id = app_password.account_id and e.action in ('password.create', 'password.rotate')
      and e.detail_json like '%"id":"' || app_password.id || '"%'
    order by e.at limit 1)
  where maker_kind is not null;

update app_password set maker_kind = null where maker_kind = 'person' and maker_id is null;
