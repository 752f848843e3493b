/** Owns the statements on accounts of robots. */
import { type Account, type AccountWithCount, activePasswords, lockAccount, lockForRemoval } from './accounts.ts';
import { type AuditRowOf, addRow, runAudited } from './audit-events.ts';
import { forgetAccount } from './repository-activity.ts';
import { retireLogin } from './retired-logins.ts';
import type { Sql } from './sql.ts';

export type RobotRow = AccountWithCount;

export type NewRobot = Pick<Account, 'id' | 'login' | 'groups_json' | 'created_at'> &
  RobotFacts & { readonly created_by: string; readonly created_by_id: string | null };
export type RobotFacts = {
  readonly display_name: string;
  readonly description: string;
  readonly owner_group: string;
  readonly groups_json: string;
  readonly labels_json: string;
};
type ChangedFact = Exclude<keyof RobotFacts, 'display_name'>;

export type RobotStore = {
  /**
   * False, and nothing stored, when its creator has `limit` robots already.
   * @throws {ConstraintError} when the login is taken
   */
  insert(robot: NewRobot, limit: number, audit: AuditRowOf): Promise<boolean>;
  /** False, and nothing stored, when it isn't as it was `before`, or is gone. */
  change(
    id: string,
    before: Pick<RobotRow, ChangedFact>,
    facts: Pick<RobotFacts, ChangedFact>,
    audit: AuditRowOf,
  ): Promise<boolean>;
  byId(id: string, now: number): Promise<RobotRow | undefined>;
  /** By login. */
  all(now: number): Promise<RobotRow[]>;
  /** Those that this account made, by login. */
  createdBy(accountId: string, now: number): Promise<RobotRow[]>;
  /** What `ROBOT_BOUND` is if it isn't set: `warn` in an installation that had robots before makers were kept. */
  defaultBound(): Promise<'warn' | 'enforce'>;
  /** Deletes it with its passwords. @returns how many passwords there were; `null` where there's no such robot */
  remove(id: string, by: string, at: number, audit: AuditRowOf<number>): Promise<number | null>;
};

const insert = `
  insert into account (id, kind, provider, issuer, subject, login, display_name, description, owner_group, groups_json,
                       labels_json, created_by, created_by_id, created_at, state, search_text)
  select $1, 'robot', 'dockpass', 'dockpass', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'active', $2
  where (select count(*) from account where created_by_id = $9) < $11`;
const change = `
  update account set description = $2, owner_group = $3, groups_json = $4, labels_json = $5
  where id = $1 and kind = 'robot' and description is not distinct from cast($6 as text)
    and owner_group is not distinct from cast($7 as text) and groups_json = $8
    and labels_json is not distinct from cast($9 as text)`;
/** In an order that the references allow. */
const removals = {
  before: ['identity_token', 'password_use', 'revocation_also'].map(
    (table) => `delete from ${table} where password_id in (select id from app_password where account_id = $1)`,
  ),
  passwords: 'delete from app_password where account_id = $1',
  account: "delete from account where id = $1 and kind = 'robot'",
};
const robots = `select a.*, ${activePasswords('$1')} from account a where a.kind = 'robot'`;

function columnsOf({ description, owner_group, groups_json, labels_json }: Pick<RobotRow, ChangedFact>) {
  return [description, owner_group, groups_json, labels_json];
}

export function createRobotStore(sql: Sql): RobotStore {
  return {
    insert(robot, limit, audit) {
      const { id, login, display_name, description, owner_group, groups_json, labels_json } = robot;
      const facts = [display_name, description, owner_group, groups_json, labels_json];
      const made = [robot.created_by, robot.created_by_id, robot.created_at];
      const values = [id, login, ...facts, ...made, limit];
      return sql.atomic(function* () {
        if (robot.created_by_id !== null) yield { text: lockAccount, values: [robot.created_by_id] };
        const inserted = yield { text: insert, values };
        if (inserted === 1) yield* addRow(audit(inserted));
        return inserted === 1;
      });
    },
    async change(id, before, facts, audit) {
      const values = [id, ...[facts, before].flatMap(columnsOf)];
      return (await runAudited(sql, { text: change, values }, audit)) === 1;
    },
    byId: (id, now) => sql.get<RobotRow>(`${robots} and a.id = $2`, [now, id]),
    all: (now) => sql.all<RobotRow>(`${robots} order by a.login`, [now]),
    createdBy: (accountId, now) =>
      sql.all<RobotRow>(`${robots} and a.created_by_id = $2 order by a.login`, [now, accountId]),
    defaultBound: async () =>
      (await sql.get("select mode from robot_bound where mode = 'warn'")) === undefined ? 'enforce' : 'warn',
    remove: (id, by, at, audit) =>
      sql.atomic(function* () {
        yield* lockForRemoval(sql, id);
        yield retireLogin(id, by, at);
        for (const text of removals.before) yield { text, values: [id] };
        const passwords = yield { text: removals.passwords, values: [id] };
        if ((yield { text: removals.account, values: [id] }) === 0) return null;
        yield { text: forgetAccount, values: [id] };
        yield* addRow(audit(passwords));
        return passwords;
      }),
  };
}
