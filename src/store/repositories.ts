/** Owns the statements that read `repository`: in the order of names or ranked, with who pushed last. */
import { containing, createConditions, idParameters, padded } from './conditions.ts';
import { joinWho, type RepositoryNameRow, type RepositoryRow, whoColumns } from './repository-rows.ts';
import type { Sql } from './sql.ts';

export type RepositoryFilter = {
  /** `null`: of all services. */
  readonly service: string | null;
  /** Part of the name; '' for all. Names are in lower case. */
  readonly search: string;
  /** Only those that no pull was ever reported of. */
  readonly neverPulled: boolean;
  /** Also those without tags, which a registry keeps in its catalog. */
  readonly withoutTags: boolean;
};

export type RepositoryOrder = { readonly by: keyof typeof sortKeys; readonly descending: boolean };

export type RepositoryStore = {
  /**
   * The names of a service that come after `name` in the order of their bytes, as a registry's catalog has them: for
   * filters that run in slices.
   * @param name '' for the beginning
   */
  after(service: string, name: string, limit: number, withoutTags: boolean): Promise<RepositoryNameRow[]>;
  /** @param names at most `idsAtOnce`; in the order of names */
  byNames(service: string, names: readonly string[]): Promise<RepositoryRow[]>;
  byName(service: string, name: string): Promise<RepositoryRow | undefined>;
  /** Equal ones by name. Unknown sizes and times come last either way. By name: those of one service together. */
  list(
    filter: RepositoryFilter,
    order: RepositoryOrder,
    range: { readonly limit: number; readonly offset: number },
  ): Promise<RepositoryRow[]>;
  count(filter: RepositoryFilter): Promise<number>;
  /** Counts the pulls of the last days again for at most `limit` names after `name`; @returns the last name, or `undefined` at the end */
  recount(service: string, name: string, fromDay: number, limit: number): Promise<string | undefined>;
};

const sortKeys = {
  name: 'r.name',
  size: 'r.size',
  pulls: 'r.recent_pulls',
  pulled: 'r.pulled_at',
  pushed: 'r.pushed_at',
} as const;

const after = (condition: string) => `
  select name, pushed_at, size, tags, recent_pulls from repository
  where service = $1 and name > $2 ${condition} order by name limit $3`;
const afterAll = after('');
const afterWithTags = after('and tags > 0');
const ofRepositories = `
  select r.service, r.name, r.first_seen_at, r.pushed_at, r.pulled_at, r.size, r.tags, r.recent_pulls, r.synced_at,
    ${whoColumns}
  from repository r ${joinWho('r.pushed_by')}`;
const byNames = `${ofRepositories} where r.service = $1 and r.name in (${idParameters(2)}) order by r.name`;
const recounted = `
  select r.name, r.recent_pulls, coalesce(sum(v.count), 0) as pulls
  from (select service, name, recent_pulls from repository where service = $1 and name > $2 order by name limit $4) r
  left join repository_activity v on v.service = r.service and v.repository = r.name and v.day >= $3 and v.action = 'pull'
  group by r.name, r.recent_pulls order by r.name`;
/** Pulls that came since they were counted stay. */
const correct = `
  update repository set recent_pulls = recent_pulls + $3 where service = $1 and name = $2 and recent_pulls + $3 >= 0`;

export function createRepositoryStore(sql: Sql): RepositoryStore {
  return {
    after: (service, name, limit, withoutTags) =>
      sql.all<RepositoryNameRow>(withoutTags ? afterAll : afterWithTags, [service, name, limit]),
    byNames: (service, names) => sql.all<RepositoryRow>(byNames, [service, ...padded(names)]),
    byName: (service, name) =>
      sql.get<RepositoryRow>(`${ofRepositories} where r.service = $1 and r.name = $2`, [service, name]),
    list(filter, { by, descending }, { limit, offset }) {
      const conditions = conditionsOf(filter);
      const direction = `${descending ? 'desc' : 'asc'} nulls last`;
      const byName = descending ? 'r.service desc, r.name desc' : 'r.service, r.name';
      const order = `order by ${by === 'name' ? byName : `${sortKeys[by]} ${direction}, r.name, r.service`}`;
      const range = `limit ${conditions.parameter(limit)} offset ${conditions.parameter(offset)}`;
      // What is left out is only counted: of a hundred thousand the keys alone are sorted.
      const page = `select r.service, r.name from repository r ${conditions.where()} ${order} ${range}`;
      const text = `${ofRepositories} where (r.service, r.name) in (${page}) ${order}`;
      return sql.all<RepositoryRow>(text, conditions.values);
    },
    async count(filter) {
      const conditions = conditionsOf(filter);
      const text = `select count(*) as count from repository r ${conditions.where()}`;
      return (await sql.get<{ count: number }>(text, conditions.values))?.count ?? 0;
    },
    async recount(service, name, fromDay, limit) {
      const rows = await sql.all<{ name: string; recent_pulls: number; pulls: number }>(recounted, [
        ...[service, name, fromDay, limit],
      ]);
      const wrong = rows.filter((row) => row.pulls !== row.recent_pulls);
      const statements = wrong.map((row) => ({
        text: correct,
        values: [service, row.name, row.pulls - row.recent_pulls],
      }));
      if (statements.length > 0) await sql.batch(statements);
      return rows.length < limit ? undefined : rows.at(-1)?.name;
    },
  };
}

function conditionsOf({ service, search, neverPulled, withoutTags }: RepositoryFilter) {
  const conditions = createConditions(
    ...(neverPulled ? ['r.pulled_at is null'] : []),
    ...(withoutTags ? [] : ['r.tags > 0']),
  );
  if (service !== null) conditions.add((value) => `r.service = ${value}`, service);
  if (search !== '') conditions.add((value) => `r.name like ${value} escape '\\'`, containing(search));
  return conditions;
}
