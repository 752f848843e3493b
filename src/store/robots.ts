/** Owns the statements on accounts of robots. */
import { type Account, type AccountWithCount, livePasswords } from './accounts.ts';
import { type AuditRowOf, runAudited } from './audit-events.ts';
import type { Sql } from './sql.ts';

export type RobotRow = AccountWithCount;

export type NewRobot = Pick<Account, 'id' | 'login' | 'groups_json' | 'created_at'> &
  RobotFacts & { readonly created_by: string };
export type RobotFacts = {
  readonly display_name: string;
  readonly description: string;
  readonly owner_group: string;
  readonly groups_json: string;
  readonly labels_json: string;
};

export type RobotStore = {
  /** @throws {ConstraintError} when the login is taken */
  insert(robot: NewRobot, audit: AuditRowOf): Promise<void>;
  /** False when there is no such robot. */
  change(id: string, facts: Omit<RobotFacts, 'display_name'>, audit: AuditRowOf): Promise<boolean>;
  byId(id: string, now: number): Promise<RobotRow | undefined>;
  /** By login. */
  all(now: number): Promise<RobotRow[]>;
};

const insert = `
  insert into account (id, kind, provider, issuer, subject, login, display_name, description, owner_group, groups_json,
                       labels_json, created_by, created_at, state, search_text)
  values ($1, 'robot', 'dockpass', 'dockpass', $1, $2, $3, $4, $5, $6, $7, $8, $9, 'active', $2)`;
const change = `
  update account set description = $2, owner_group = $3, groups_json = $4, labels_json = $5
  where id = $1 and kind = 'robot'`;
const robots = `select a.*, ${livePasswords('$1')} from account a where a.kind = 'robot'`;

export function createRobotStore(sql: Sql): RobotStore {
  return {
    async insert(robot, audit) {
      const { id, login, display_name, description, owner_group, groups_json, labels_json, created_by, created_at } =
        robot;
      const facts = [display_name, description, owner_group, groups_json, labels_json, created_by, created_at];
      await runAudited(sql, { text: insert, values: [id, login, ...facts] }, audit);
    },
    async change(id, { description, owner_group, groups_json, labels_json }, audit) {
      const values = [id, description, owner_group, groups_json, labels_json];
      return (await runAudited(sql, { text: change, values }, audit)) === 1;
    },
    byId: (id, now) => sql.get<RobotRow>(`${robots} and a.id = $2`, [now, id]),
    all: (now) => sql.all<RobotRow>(`${robots} order by a.login`, [now]),
  };
}
