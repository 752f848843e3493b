/** Owns every statement on `denial`: counted, bounded for each account, removed when they are old. */
import { addSpellings, createConditions, type Spellings } from './conditions.ts';
import type { Sql } from './sql.ts';

/** A row of `denial`; the columns are explained in migrations/0006_administration.sql. */
export type DenialRow = {
  readonly id: string;
  readonly account: string;
  readonly account_id: string | null;
  readonly service: string;
  readonly type: string;
  readonly name: string;
  readonly action: string;
  readonly decided_by: 'policy' | 'password' | 'groups' | 'maker';
  readonly rule_line: number;
  readonly rule_comment: string | null;
  readonly password_name: string | null;
  /** Login of the robot's maker, where `decided_by` is that. */
  readonly maker: string | null;
  readonly address: string;
  readonly count: number;
  readonly first_at: number;
  readonly last_at: number;
};

export type DenialStore = {
  /** Adds up the counts, and keeps the latest `keep` rows of each account. */
  add(denials: readonly DenialRow[], keep: number): Promise<void>;
  /** The latest first. */
  ofAccount(accountId: string): Promise<DenialRow[]>;
  /** The latest first. */
  list(filter: { account?: Spellings; name?: string; action?: string }, limit: number): Promise<DenialRow[]>;
  /** How many `list` would have without a limit. */
  count(filter: { account?: Spellings; name?: string; action?: string }): Promise<number>;
  /** Removes at most `limit` rows that last happened before; returns how many. */
  removeBefore(time: number, limit: number): Promise<number>;
};

const add = `
  insert into denial (id, account, account_id, service, type, name, action, decided_by, rule_line, rule_comment,
                      password_name, address, count, first_at, last_at, maker)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
  on conflict (id) do update set
    rule_comment = excluded.rule_comment, password_name = excluded.password_name, address = excluded.address,
    maker = excluded.maker, count = denial.count + excluded.count, last_at = excluded.last_at`;
const trim = `
  delete from denial where account = $1 and id not in (
    select id from denial where account = $1 order by last_at desc, id limit $2)`;
const removeBefore = 'delete from denial where id in (select id from denial where last_at < $1 limit $2)';

function matching({ account, name, action }: Parameters<DenialStore['count']>[0]): ReturnType<typeof createConditions> {
  const conditions = createConditions();
  if (account !== undefined) addSpellings(conditions, ['account'], account);
  if (name !== undefined) conditions.add((value) => `name = ${value}`, name);
  if (action !== undefined) conditions.add((value) => `action = ${value}`, action);
  return conditions;
}

export function createDenialStore(sql: Sql): DenialStore {
  return {
    async add(denials, keep) {
      const accounts = [...new Set(denials.map(({ account }) => account))].sort();
      await sql.batch([
        ...denials.map((row) => ({
          text: add,
          values: [
            ...[row.id, row.account, row.account_id, row.service, row.type, row.name, row.action, row.decided_by],
            ...[row.rule_line, row.rule_comment, row.password_name, row.address, row.count, row.first_at, row.last_at],
            row.maker,
          ],
        })),
        ...accounts.map((account) => ({ text: trim, values: [account, keep] })),
      ]);
    },
    ofAccount: (accountId) =>
      sql.all<DenialRow>('select * from denial where account_id = $1 order by last_at desc, id', [accountId]),
    list(filter, limit) {
      const conditions = matching(filter);
      const text = `select * from denial ${conditions.where()} order by last_at desc, id limit ${conditions.parameter(limit)}`;
      return sql.all<DenialRow>(text, conditions.values);
    },
    async count(filter) {
      const conditions = matching(filter);
      const text = `select count(*) as count from denial ${conditions.where()}`;
      return (await sql.get<{ count: number }>(text, conditions.values))?.count ?? 0;
    },
    removeBefore: (time, limit) => sql.run(removeBefore, [time, limit]),
  };
}
