/** Owns the statements on `account` about groups that an answer left unknown, or that ended because it left the claim out. */
import type { Sql } from './sql.ts';

export type LostGroupsStore = {
  /** @param problem in words for the person; `null`: the groups are known */
  noteProblem(accountId: string, problem: string | null): Promise<void>;
  noteLeftOut(accountId: string, at: number): Promise<void>;
  /** Of a provider's people: who lost all groups since then that way, and who has some. */
  countOf(provider: string, since: number): Promise<{ readonly lost: number; readonly having: number }>;
};

const countOf = `
  select count(case when groups_left_out_at > $2 then 1 end) as lost,
         count(case when groups_json <> '[]' and coalesce(groups_left_out_at, 0) <= $2 then 1 end) as having_some
  from account where kind = 'person' and provider = $1`;

export function createLostGroupsStore(sql: Sql): LostGroupsStore {
  return {
    async noteProblem(accountId, problem) {
      await sql.run('update account set groups_problem = $2 where id = $1', [accountId, problem]);
    },
    async noteLeftOut(accountId, at) {
      await sql.run('update account set groups_left_out_at = $2 where id = $1', [accountId, at]);
    },
    async countOf(provider, since) {
      const row = await sql.get<{ lost: number; having_some: number }>(countOf, [provider, since]);
      return { lost: row?.lost ?? 0, having: row?.having_some ?? 0 };
    },
  };
}
