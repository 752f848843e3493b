-- Accounts that an administrator lets follow their person to another issuer or provider; each takes effect with a verified sign-in.

create table account_move (
  id text primary key,
  account_id text,                  -- relink: this account alone, once; null: move, everyone of from_issuer
  from_issuer text,                 -- move: the issuer that the accounts have now; null: relink
  to_issuer text,                   -- move: the issuer of the sign-in; null: relink
  provider text,                    -- relink: the provider of the sign-in; null: move
  at bigint not null,
  created_by text not null,
  until bigint                      -- relink: 24 hours; null: move, until it's ended
);
