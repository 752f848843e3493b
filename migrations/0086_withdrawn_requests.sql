-- People withdraw their own access requests. For a version that doesn't know the column, such a request is closed.

alter table access_request add column withdrawn_at bigint;  -- closed_at is the same then
