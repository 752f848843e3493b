/** Owns the statements that read and remove the daily counters of pushes, pulls and deletions. */
import { idParameters, padded } from './conditions.ts';
import {
  type AccountActivityRow,
  type ActorCountRow,
  type DayRow,
  joinWho,
  type RegistryAction,
  whoColumns,
} from './repository-rows.ts';
import type { Sql } from './sql.ts';

/** `fromDay`: days since 1970-01-01, UTC, included. Everything before is left out. */
export type RepositoryActivityStore = {
  /** Of one repository, everyone together; days without any have no row. */
  ofRepository(service: string, repository: string, fromDay: number): Promise<DayRow[]>;
  /** Who was active at one repository, the most active first. For administrators: it says who pulled. */
  actorsOf(service: string, repository: string, fromDay: number, limit: number): Promise<ActorCountRow[]>;
  /** Of a service; days without any have no row, and an event-less day is a gap. */
  ofService(service: string, fromDay: number): Promise<DayRow[]>;
  /** Robots and workloads, never people, with the most of an action first. */
  topPrograms(service: string, action: RegistryAction, fromDay: number, limit: number): Promise<ActorCountRow[]>;
  /** What any of the accounts did at each repository, in no order. @param accountIds at most `idsAtOnce` */
  ofAccounts(accountIds: readonly string[], fromDay: number): Promise<AccountActivityRow[]>;
  /** Removes at most `limit` counters of each kind that are older; returns how many. */
  removeBefore(day: number, limit: number): Promise<number>;
  /** Makes the history of accounts that are gone no one's, should their removal not have done so; returns of how many. */
  forgetDeleted(): Promise<number>;
};

const ofRepository = `
  select day, action, sum(count) as count from repository_activity
  where service = $1 and repository = $2 and day >= $3 group by day, action order by day, action`;
const actorsOf = `
  select v.action, sum(v.count) as count, ${whoColumns} from repository_activity v ${joinWho('v.actor')}
  where v.service = $1 and v.repository = $2 and v.day >= $3
  group by v.actor, v.action, a.kind, a.name, c.kind, c.login, c.id order by count desc, v.actor, v.action limit $4`;
const ofService = `
  select day, action, count from service_activity where service = $1 and day >= $2 order by day, action`;
const topPrograms = `
  select v.action, sum(v.count) as count, ${whoColumns} from actor_activity v ${joinWho('v.actor')}
  where v.service = $1 and v.day >= $3 and v.action = $2 and (a.kind = 'workload' or c.kind = 'robot')
  group by v.actor, v.action, a.kind, a.name, c.kind, c.login, c.id order by count desc, v.actor limit $4`;
const ofAccounts = `
  select v.service, v.repository, v.action, sum(v.count) as count, max(v.day) as last_day
  from repository_actor a join repository_activity v on v.actor = a.id
  where v.day >= $1 and a.account_id in (${idParameters(2)})
  group by v.service, v.repository, v.action`;
const keys = {
  repository_activity: 'service, repository, day, actor, action',
  actor_activity: 'service, day, actor, action',
  service_activity: 'service, day, action',
};
const removals = Object.entries(keys).map(
  ([table, key]) => `delete from ${table} where (${key}) in (select ${key} from ${table} where day < $1 limit $2)`,
);
const forgetDeleted = `
  update repository_actor set kind = 'deleted', account_id = null
  where kind = 'account' and not exists (select 1 from account where account.id = repository_actor.account_id)`;

/** What belongs to the removal of an account, in its transaction; `$1` is its id. */
export const forgetAccount = `
  update repository_actor set kind = 'deleted', account_id = null where account_id = $1`;

export function createRepositoryActivityStore(sql: Sql): RepositoryActivityStore {
  return {
    ofRepository: (service, repository, fromDay) => sql.all<DayRow>(ofRepository, [service, repository, fromDay]),
    actorsOf: (service, repository, fromDay, limit) =>
      sql.all<ActorCountRow>(actorsOf, [service, repository, fromDay, limit]),
    ofService: (service, fromDay) => sql.all<DayRow>(ofService, [service, fromDay]),
    topPrograms: (service, action, fromDay, limit) =>
      sql.all<ActorCountRow>(topPrograms, [service, action, fromDay, limit]),
    ofAccounts: (accountIds, fromDay) => sql.all<AccountActivityRow>(ofAccounts, [fromDay, ...padded(accountIds)]),
    async removeBefore(day, limit) {
      let removed = 0;
      for (const text of removals) removed += await sql.run(text, [day, limit]);
      return removed;
    },
    forgetDeleted: () => sql.run(forgetDeleted),
  };
}
