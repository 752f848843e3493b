-- People who leave: how certain the provider was, and what finds those who hold something.

alter table account add column suspended_there integer; -- 1: disabled because the provider suspended or archived the person; null: any other reason
create index api_token_by_account on api_token (account_id) where account_id is not null;
