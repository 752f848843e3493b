/**
 * Owns the statements by which an event of a registry changes what is known: whatever the order in which events arrive and
 * however often, the same is known in the end. A tag is what its newest event says; a manifest is there if its newest push
 * is newer than its newest deletion, and a deleted one takes the tags with it that were put on it before.
 */
import { inSizes } from './conditions.ts';
import { findActors, type Named } from './registry-actors.ts';
import { type Change, type Deletion, type Push, writeChanges } from './registry-changes.ts';
import {
  activityStatements,
  arrivalStatement,
  type Count,
  type PullCount,
  pullStatements,
  sortedByKey,
  summed,
} from './registry-counters.ts';
import type { Sql, Value } from './sql.ts';

export type RegistryEventStore = {
  /**
   * Ids of `repository_actor`, by login: of the account that has it now; made where there is none yet.
   * `unknownActor` for those that are no one.
   */
  actorsOf(named: readonly Named[]): Promise<ReadonlyMap<string, string>>;
  /**
   * Stores pushes and deletions of one service, with their counters, in one transaction, or none of them.
   * @param now our clock, epoch milliseconds
   * @returns for each in its place whether it changed something or was counted; false: it's a duplicate, or older than what is known
   */
  write(service: string, changes: readonly Change[], now: number): Promise<boolean[]>;
  /** Which of the digests are part of an index that is known, as `REPOSITORY@DIGEST`. */
  partsOfIndexes(service: string, manifests: readonly Manifest[]): Promise<ReadonlySet<string>>;
  /** Those whose layers or parts are stored, as `REPOSITORY@DIGEST`: they needn't be read again. */
  described(service: string, manifests: readonly Manifest[]): Promise<ReadonlySet<string>>;
  /** How many pulls are best added together: on SQLite so few that others wait a few milliseconds for the lock. */
  readonly pullsAtOnce: number;
  /** Adds pulls to their counters, all in one transaction, in the order of their keys. */
  addPulls(pulls: readonly PullCount[], now: number): Promise<void>;
  /** When the events of a service arrived, first and last; `undefined`: none ever did. */
  arrival(service: string): Promise<ArrivalRow | undefined>;
  arrivals(): Promise<ArrivalRow[]>;
  /** Notes that events arrived which changed nothing. */
  noteArrival(service: string, now: number): Promise<void>;
};

export type Manifest = { readonly repository: string; readonly digest: string };

/** A row of `registry_arrival`. */
export type ArrivalRow = { readonly service: string; readonly first_at: number; readonly last_at: number };

const pairParameters = (count: number) =>
  Array.from({ length: count }, (_, index) => `($${2 * index + 2}, $${2 * index + 3})`).join(', ');
/** How many repositories with a digest one statement takes; most pushes come alone. */
const pairsAtOnce = 100;
const withPairs = (textOf: (pairs: string) => string) =>
  inSizes([1, 10, pairsAtOnce], (size) => textOf(pairParameters(size)));
const knownParts = withPairs(
  (pairs) => `
  select distinct repository, child as digest from repository_child
  where service = $1 and (repository, child) in (values ${pairs})`,
);
const describedManifests = withPairs(
  (pairs) => `
  select m.repository, m.digest from repository_manifest m
  where m.service = $1 and (m.repository, m.digest) in (values ${pairs})
    and (m.layers_json is not null or exists (
      select 1 from repository_child c where c.service = m.service and c.repository = m.repository and c.parent = m.digest))`,
);

export function createRegistryEventStore(sql: Sql): RegistryEventStore {
  const inPairs = async <Row>(
    statement: ReturnType<typeof withPairs>,
    service: string,
    manifests: readonly Manifest[],
  ): Promise<Row[]> => {
    const rows: Row[] = [];
    for (let start = 0; start < manifests.length; start += pairsAtOnce) {
      const piece = manifests.slice(start, start + pairsAtOnce);
      const { size, text } = statement(piece.length);
      const pairs = piece.flatMap(({ repository, digest }) => [repository, digest]);
      const values: Value[] = [service, ...pairs, ...new Array<string>(2 * size - pairs.length).fill('')];
      rows.push(...(await sql.all<Row>(text, values)));
    }
    return rows;
  };
  return {
    actorsOf: (named) => findActors(sql, named),
    write: (service, changes, now) =>
      sql.atomic(function* () {
        const outcomes = yield* writeChanges(sql.engine, service, changes, now);
        const counts = changes.flatMap((change, index) =>
          outcomes[index] && isReported(change) ? countOf(service, change) : [],
        );
        for (const statement of activityStatements(counts)) yield statement;
        if (counts.length > 0) yield arrivalStatement(service, now);
        return outcomes;
      }),
    async partsOfIndexes(service, manifests) {
      return new Set((await inPairs<Manifest>(knownParts, service, manifests)).map(keyOf));
    },
    async described(service, manifests) {
      return new Set((await inPairs<Manifest>(describedManifests, service, manifests)).map(keyOf));
    },
    pullsAtOnce: sql.engine === 'sqlite' ? 60 : 150,
    async addPulls(pulls, now) {
      const services = [...new Set(pulls.map(({ service }) => service))].sort();
      const ofRepositories = summed(pulls, ({ service, repository }) => `${service}\0${repository}`, latest);
      await sql.batch([
        ...pullStatements(sortedByKey(ofRepositories), now),
        ...activityStatements(pulls.map((pull) => ({ ...pull, action: 'pull' as const }))),
        ...services.map((service) => arrivalStatement(service, now)),
      ]);
    },
    arrival: (service) => sql.get<ArrivalRow>('select * from registry_arrival where service = $1', [service]),
    arrivals: () => sql.all<ArrivalRow>('select * from registry_arrival order by service'),
    async noteArrival(service, now) {
      const { text, values } = arrivalStatement(service, now);
      await sql.run(text, values);
    },
  };
}

/** The one who pulled last is who is named. */
function latest(earlier: PullCount, later: PullCount): PullCount {
  const newer = later.at > earlier.at ? later : earlier;
  return { ...newer, count: earlier.count + later.count };
}

export function keyOf({ repository, digest }: Manifest): string {
  return `${repository}@${digest}`;
}

function isReported(change: Change): change is Push | Deletion {
  return change.action === 'push' || change.action === 'delete';
}

function countOf(service: string, { repository, actor, action, day }: Push | Deletion): Count {
  return { service, repository, actor, action, day, count: 1 };
}
