/** Owns how pushes, pulls and deletions are added to the daily counters: each row once in a transaction, in the order of keys. */
import type { RegistryAction } from './repository-rows.ts';
import type { Statement } from './sql.ts';

/** `actor`: an id of `repository_actor`; `day`: days since 1970-01-01, UTC. */
export type Count = {
  readonly service: string;
  readonly repository: string;
  readonly day: number;
  readonly actor: string;
  readonly action: RegistryAction;
  readonly count: number;
};

/** `at`: registry's time of the last of them, epoch milliseconds. */
export type PullCount = Omit<Count, 'action'> & { readonly at: number };

const addActivity = `
  insert into repository_activity (service, repository, day, actor, action, count) values ($1, $2, $3, $4, $5, $6)
  on conflict (service, repository, day, actor, action) do update set count = repository_activity.count + excluded.count`;
const addOfActor = `
  insert into actor_activity (service, day, actor, action, count) values ($1, $2, $3, $4, $5)
  on conflict (service, day, actor, action) do update set count = actor_activity.count + excluded.count`;
const addOfService = `
  insert into service_activity (service, day, action, count) values ($1, $2, $3, $4)
  on conflict (service, day, action) do update set count = service_activity.count + excluded.count`;
const addPull = `
  insert into repository (service, name, first_seen_at, heard_at, pulled_at, pulled_by, tags, layers, recent_pulls)
  values ($1, $2, $5, $5, $3, $4, 0, 0, $6)
  on conflict (service, name) do update set
    recent_pulls = repository.recent_pulls + excluded.recent_pulls, heard_at = excluded.heard_at,
    pulled_by = case when coalesce(repository.pulled_at, 0) < excluded.pulled_at then excluded.pulled_by else repository.pulled_by end,
    pulled_at = case when coalesce(repository.pulled_at, 0) < excluded.pulled_at then excluded.pulled_at else repository.pulled_at end`;
const arrived = `
  insert into registry_arrival (service, first_at, last_at) values ($1, $2, $2)
  on conflict (service) do update set last_at = excluded.last_at where registry_arrival.last_at < excluded.last_at`;

/** Those of one key together; sorted, so that no two processes wait for each other in a circle. */
export function activityStatements(counts: readonly Count[]): Statement[] {
  const ofRepositories = summed(
    counts,
    (of) => [of.service, of.repository, of.day, of.actor, of.action].join('\0'),
    add,
  );
  const ofActors = summed(counts, (of) => [of.service, of.day, of.actor, of.action].join('\0'), add);
  const ofServices = summed(counts, (of) => [of.service, of.day, of.action].join('\0'), add);
  return [
    ...sortedByKey(ofRepositories).map(({ service, repository, day, actor, action, count }) => ({
      text: addActivity,
      values: [service, repository, day, actor, action, count],
    })),
    ...sortedByKey(ofActors).map(({ service, day, actor, action, count }) => ({
      text: addOfActor,
      values: [service, day, actor, action, count],
    })),
    ...sortedByKey(ofServices).map(({ service, day, action, count }) => ({
      text: addOfService,
      values: [service, day, action, count],
    })),
  ];
}

/** The pulls of one repository. */
export function pullStatement({ service, repository, actor, at, count }: PullCount, now: number): Statement {
  return { text: addPull, values: [service, repository, at, actor, now, count] };
}

export function arrivalStatement(service: string, now: number): Statement {
  return { text: arrived, values: [service, now] };
}

export function summed<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  merge: (earlier: Item, later: Item) => Item,
): ReadonlyMap<string, Item> {
  const found = new Map<string, Item>();
  for (const item of items) {
    const key = keyOf(item);
    const earlier = found.get(key);
    found.set(key, earlier === undefined ? item : merge(earlier, item));
  }
  return found;
}

export function sortedByKey<Item>(items: ReadonlyMap<string, Item>): Item[] {
  return [...items].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
}

function add(earlier: Count, later: Count): Count {
  return { ...earlier, count: earlier.count + later.count };
}
