-- The repositories of which no pull was ever reported, the largest first: sorting them all held up others for a while.

create index repository_never_pulled on repository (service, size) where pulled_at is null;
