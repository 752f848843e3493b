-- Groups that a provider's answer left unknown, and groups that ended because an answer left the claim out.

alter table account add column groups_problem text;         -- why the last answer left the groups unknown, in words for the person; null: it didn't
alter table account add column groups_left_out_at bigint;   -- when someone who had groups lost all of them, because the claim was left out
