-- The keys that sign tokens. They are in the database so that all replicas have the same, and sealed so that a copy of the database signs nothing.

create table signing_key (
  ring text not null,               -- '' for the keys of most services; the name of a service that has its own
  number integer not null,          -- counts up within the ring; who inserts a number that another took, lost the race
  issuer integer,                   -- number of the authority that certified this key; null: it is an authority itself
  certificate text not null,        -- PEM; says the public key, the algorithm and the dates
  sealed_key text not null,         -- the private key, PKCS #8, sealed (src/cipher.ts)
  created_at bigint not null,
  signs_from bigint,                -- signs from then on, until a later one does; null: published and waiting; authorities: null
  primary key (ring, number)
);
