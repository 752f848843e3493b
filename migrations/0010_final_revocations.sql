-- What undoing a revocation must not bring back: what its owner, off-boarding or another revocation ends too.

alter table revocation add column undo_checked integer; -- 1: made by a version that leaves those ended; null: by an older one, and never undone

create table revocation_also (
  password_id text not null,
  revocation_id text not null,      -- another revocation that means it, besides the one in app_password.revocation_id
  primary key (password_id, revocation_id)
);
