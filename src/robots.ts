/** Owns robots: accounts that belong to a group and hold passwords, and stay when a person leaves. */
import type { Actor } from './app-passwords.ts';
import type { AccountState } from './store/accounts.ts';

export type Robot = {
  readonly id: string;
  /** The docker user name: "robot-" and its name. */
  readonly login: string;
  readonly name: string;
  /** What it is for. */
  readonly description: string;
  /** Members of this group manage it, beside administrators. */
  readonly ownerGroup: string;
  /** What the policy sees as its groups. */
  readonly groups: readonly string[];
  /** What the policy sees as its labels. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
  readonly state: AccountState;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly livePasswords: number;
};

export type RobotWish = Pick<Robot, 'name' | 'description' | 'ownerGroup' | 'groups' | 'labels'>;

/** Who manages robots: administrators and the command line manage all, others those that their groups own. */
export type RobotManager =
  | { readonly administrator: true }
  | { readonly administrator: false; readonly groups: readonly string[] };

/**
 * Its passwords are issued, rotated, listed and revoked as everybody's, by AppPasswords with the robot as owner; they begin
 * with `dkr_`.
 */
export type Robots = {
  /** Those that the manager manages, by name. */
  list(manager: RobotManager): Promise<Robot[]>;
  /** @throws {Refusal} `not_found`, also for one of somebody else's group */
  byId(id: string, manager: RobotManager): Promise<Robot>;
  /**
   * Whoever is no administrator gives a robot no group that they are not in, and no labels.
   * @throws {Refusal} `bad_request`, `denied` or, for a name in use, `conflict`
   */
  create(wish: RobotWish, manager: RobotManager, by: Actor): Promise<Robot>;
  /** @throws {Refusal} as `create` and `byId` */
  change(id: string, wish: Omit<RobotWish, 'name'>, manager: RobotManager, by: Actor): Promise<Robot>;
  /** Its passwords stop, or work again. @throws {Refusal} `not_found` */
  setState(id: string, state: 'active' | 'disabled', manager: RobotManager, by: Actor): Promise<Robot>;
};
