-- What registries report: repositories, tags, manifests, and who pushed and pulled how often. Names compare byte by byte
-- (collate "C"; SQLite does so by itself, and src/store/sqlite.ts leaves the words out), so that pages end and begin at the
-- same name on both engines. "Registry's time" is the time of an event, at most five minutes after ours.

create table repository (
  service text collate "C" not null,
  name text collate "C" not null,
  first_seen_at bigint not null,    -- by our clock: when an event or a sync first named it
  heard_at bigint not null,         -- by our clock: the last push or delete; a sync removes nothing that came after it began
  pushed_at bigint,                 -- registry's time of the last push; null: none was reported
  pushed_by text,                   -- repository_actor
  pulled_at bigint,                 -- registry's time of the last pull; null: none was reported
  pulled_by text,
  tags integer not null,
  layers integer not null,          -- rows of repository_layer
  size bigint,                      -- bytes of these layers and configs; null: no manifest of it is known
  recent_pulls integer not null,    -- of 30 days: added to at each pull, counted again every hour
  synced_at bigint,                 -- when a sync last read all its tags without an error; null: never
  primary key (service, name)
);
create index repository_by_size on repository (service, size);
create index repository_by_pulls on repository (service, recent_pulls);
create index repository_by_pull_time on repository (service, pulled_at);

create table repository_tag (
  service text collate "C" not null,
  repository text collate "C" not null,
  tag text collate "C" not null,
  digest text,                      -- null: deleted, and remembered for a day
  at bigint not null,               -- registry's time of the event that says so: the newest counts
  heard_at bigint not null,         -- by our clock
  pushed_at bigint,                 -- registry's time; null: a sync found it, and the push is unknown
  pushed_by text,
  primary key (service, repository, tag)
);
create index repository_tag_by_digest on repository_tag (service, repository, digest);
create index repository_tag_by_deletion on repository_tag (heard_at) where digest is null;

create table repository_manifest (
  service text collate "C" not null,
  repository text collate "C" not null,
  digest text collate "C" not null,
  media_type text,                  -- null: unknown
  size bigint,                      -- bytes of its layers and config; null: unknown, or an index
  layers_json text,                 -- JSON list of [beginning of a digest, bytes], for when it's deleted; null: unknown
  counted integer not null,         -- 1: its layers are in repository_layer
  pushed_at bigint not null,        -- registry's time of the newest push; 0: none is known
  deleted_at bigint not null,       -- registry's time of the newest deletion; 0: none. It's there if pushed later
  heard_at bigint not null,         -- by our clock
  pushed_by text,
  primary key (service, repository, digest)
);
create index repository_manifest_by_deletion on repository_manifest (heard_at) where deleted_at > 0;

create table repository_child (     -- what the indexes of a repository hold
  service text collate "C" not null,
  repository text collate "C" not null,
  parent text collate "C" not null, -- digest of the index
  child text collate "C" not null,  -- digest of a manifest
  primary key (service, repository, parent, child)
);
create index repository_child_by_child on repository_child (service, repository, child);

create table repository_layer (     -- the distinct layers and configs of a repository
  service text collate "C" not null,
  repository text collate "C" not null,
  digest text collate "C" not null, -- its beginning: algorithm and 128 bits
  size bigint not null,
  manifests integer not null,       -- how many have it
  primary key (service, repository, digest)
);

create table repository_actor (     -- who pushed and pulled: deleting an account makes its history nobody's by changing one row
  id text primary key,              -- of an account: random, so that it says nothing about it; else kind and name
  kind text not null,               -- 'account', 'static', 'workload', 'anonymous', 'deleted'
  account_id text unique,           -- null for all but 'account'
  name text                         -- of those that have no row in account; null for 'account' and 'deleted'
);

create table repository_activity (
  service text collate "C" not null,
  repository text collate "C" not null,
  day integer not null,             -- days since 1970-01-01, UTC
  actor text collate "C" not null,
  action text collate "C" not null, -- 'pull', 'push', 'delete'
  count integer not null,
  primary key (service, repository, day, actor, action)
);
create index repository_activity_by_day on repository_activity (day);
create index repository_activity_by_actor on repository_activity (actor, day);

create table actor_activity (       -- the same, of all repositories of a service
  service text collate "C" not null,
  day integer not null,
  actor text collate "C" not null,
  action text collate "C" not null,
  count integer not null,
  primary key (service, day, actor, action)
);
create index actor_activity_by_day on actor_activity (day);
create index actor_activity_by_actor on actor_activity (actor, day);

create table service_activity (     -- the same, of everyone; a day without a row is a gap
  service text collate "C" not null,
  day integer not null,
  action text collate "C" not null,
  count integer not null,
  primary key (service, day, action)
);
create index service_activity_by_day on service_activity (day);

create table registry_arrival (     -- when the events of a service arrive
  service text collate "C" primary key,
  first_at bigint not null,         -- by our clock
  last_at bigint not null
);

create table repository_sync (      -- the last reading of a registry's catalog
  service text collate "C" primary key,
  began_at bigint not null,
  after text collate "C" not null,  -- the repository that was read last: an interrupted sync continues behind it
  repositories integer not null,    -- read so far
  tags integer not null,
  removed integer not null,         -- tags and repositories that are gone
  unknown integer not null,         -- repositories that couldn't be read: nothing of them is removed
  problem text,                     -- why it stopped, or why the last of them couldn't be read
  changed_at bigint not null,
  finished_at bigint,               -- null: it runs or was interrupted
  completed_at bigint               -- when the last sync ended that read everything; null: none did
);
