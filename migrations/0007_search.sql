-- What keeps the list of people and the metrics fast with 100,000 people and 300,000 passwords: measured, each read off its index alone.

create index account_by_search on account (kind, search_text, login, display_name, signed_in_at, created_at, id);
create index account_by_provider on account (kind, provider);
drop index app_password_by_expiry;
create index app_password_by_end on app_password (expires_at, revoked_at);
