-- Docker's identity tokens (OAuth refresh tokens), which docker login keeps in the place of the password.

create table identity_token (
  hash text primary key,            -- base64url of HMAC-SHA-256(pepper, token); the token itself is nowhere
  password_id text not null references app_password (id), -- the password that was logged in with: the token lives as long and may do as much
  service text not null,            -- the one service that takes it
  created_at bigint not null,       -- first log-in with this password at this service
  unique (password_id, service)
);
