-- Which OAuth client a refresh token was issued to: it is worth nothing to another one (RFC 6749, section 6).

alter table refresh_token add column client_id text; -- null: kept before this column existed; '': turned out to be another client's
