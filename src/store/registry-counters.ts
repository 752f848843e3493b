/** Owns how pushes, pulls and deletions are added to the daily counters: each row once in a transaction, in the order of keys. */
import type { RegistryAction } from './repository-rows.ts';
import type { Statement, Value } from './sql.ts';

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

/** Rows of one statement: as few texts as keep them prepared, and a tenth of the ways to a PostgreSQL. */
const sizes = [50, 10, 1] as const;

const addActivity = insertRows(
  'repository_activity (service, repository, day, actor, action, count)',
  6,
  `(service, repository, day, actor, action) do update set count = repository_activity.count + excluded.count`,
);
const addOfActor = insertRows(
  'actor_activity (service, day, actor, action, count)',
  5,
  '(service, day, actor, action) do update set count = actor_activity.count + excluded.count',
);
const addOfService = insertRows(
  'service_activity (service, day, action, count)',
  4,
  '(service, day, action) do update set count = service_activity.count + excluded.count',
);
const isLater = 'coalesce(repository.pulled_at, 0) < excluded.pulled_at';
const addPulls = insertRows(
  'repository (service, name, first_seen_at, heard_at, pulled_at, pulled_by, tags, layers, recent_pulls)',
  9,
  `(service, name) do update set
    recent_pulls = repository.recent_pulls + excluded.recent_pulls, heard_at = excluded.heard_at,
    pulled_by = case when ${isLater} then excluded.pulled_by else repository.pulled_by end,
    pulled_at = case when ${isLater} then excluded.pulled_at else repository.pulled_at end`,
);
const arrived = `
  insert into registry_arrival (service, first_at, last_at) values ($1, $2, $2)
  on conflict (service) do update set last_at = excluded.last_at where registry_arrival.last_at < excluded.last_at`;

/** @returns what makes the statements for rows that all have different keys; they are locked in the order in which they come */
function insertRows(
  into: string,
  columns: number,
  onConflict: string,
): (rows: readonly (readonly Value[])[]) => Statement[] {
  const texts = new Map(
    sizes.map((size) => {
      const row = (at: number) =>
        `(${Array.from({ length: columns }, (_, column) => `$${at * columns + column + 1}`).join(', ')})`;
      const values = Array.from({ length: size }, (_, at) => row(at)).join(', ');
      return [size, `insert into ${into} values ${values} on conflict ${onConflict}`] as const;
    }),
  );
  return (rows) => {
    const statements: Statement[] = [];
    for (let start = 0; start < rows.length; ) {
      const size = sizes.find((one) => one <= rows.length - start) ?? 1;
      statements.push({ text: texts.get(size) ?? '', values: rows.slice(start, start + size).flat() });
      start += size;
    }
    return statements;
  };
}

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
    ...addActivity(
      sortedByKey(ofRepositories).map((of) => [of.service, of.repository, of.day, of.actor, of.action, of.count]),
    ),
    ...addOfActor(sortedByKey(ofActors).map((of) => [of.service, of.day, of.actor, of.action, of.count])),
    ...addOfService(sortedByKey(ofServices).map((of) => [of.service, of.day, of.action, of.count])),
  ];
}

/** @param pulls one for each repository, in the order of their names */
export function pullStatements(pulls: readonly PullCount[], now: number): Statement[] {
  return addPulls(pulls.map((of) => [of.service, of.repository, now, now, of.at, of.actor, 0, 0, of.count]));
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
