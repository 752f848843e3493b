/** Owns robots: accounts that belong to a group and hold passwords, and stay when a person leaves. */
import { randomBytes } from 'node:crypto';
import { stateOf } from '../app-passwords/check.ts';
import type { Maker } from '../app-passwords/maker.ts';
import type { Actor, Audit } from '../audit/audit.ts';
import { Refusal } from '../lib/errors.ts';
import { isTextLists, isTexts, readJson } from '../lib/json.ts';
import type { AccountState, StateChange } from '../store/accounts.ts';
import type { AuditRowOf } from '../store/audit-events.ts';
import type { RobotRow } from '../store/robots.ts';
import { ConstraintError } from '../store/sql.ts';
import type { Store } from '../store/store.ts';
import {
  checkFacts,
  checkName,
  describeFacts,
  type RobotInput,
  type RobotManager,
  toFacts,
  versionOf,
} from './robot-facts.ts';

export type Robot = RobotInput & {
  readonly id: string;
  /** The docker user name: "robot-" and its name. */
  readonly login: string;
  readonly state: AccountState;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly activePasswords: number;
};

/** Who a manager is to the passwords that they make for robots. */
export function makerOf({ administrator, accountId }: RobotManager): Maker {
  return { accountId, as: administrator ? 'administrator' : 'person' };
}

/**
 * Its passwords are issued, rotated, listed and revoked as everyone's, by AppPasswords with the robot as owner; they begin
 * with `dkr_`.
 */
export type Robots = {
  /** Those that the manager manages, by name. */
  list(manager: RobotManager): Promise<Robot[]>;
  /** @throws {Refusal} `not_found`, also for one of another group */
  byId(id: string, manager: RobotManager): Promise<Robot>;
  /**
   * Only an administrator gives a robot groups that they aren't in themselves, or labels.
   * @throws {Refusal} `bad_request`, `denied` or, for a name in use, `conflict`
   */
  create(input: RobotInput, manager: RobotManager, by: Actor): Promise<Robot>;
  /**
   * @param seen `versionOf` the robot that the input was made from; left out: as it is now
   * @throws {Refusal} as `create` and `byId`; `conflict` where it was changed since
   */
  change(id: string, input: Omit<RobotInput, 'name'>, manager: RobotManager, by: Actor, seen?: string): Promise<Robot>;
  /** Its passwords stop, or work again. @throws {Refusal} `not_found` */
  setState(id: string, state: 'active' | 'disabled', manager: RobotManager, by: Actor): Promise<Robot>;
  /** Deletes it with its passwords. @throws {Refusal} `not_found` */
  remove(id: string, manager: RobotManager, by: Actor): Promise<void>;
  /**
   * An administrator answers for a password whose maker is unknown, and becomes its maker.
   * @throws {Refusal} `not_found`, `denied`; `conflict` where its maker is known
   */
  confirmMaker(passwordId: string, robotId: string, manager: RobotManager, by: Actor): Promise<void>;
  /** Whether the manager makes robots and their passwords; without a group, there is none that could own one. */
  canMake(manager: RobotManager): boolean;
  /** @throws {Refusal} `denied` where only administrators make robots and their passwords */
  requireMaking(manager: RobotManager): void;
};

export type RobotParts = {
  readonly store: Pick<Store, 'robots' | 'accounts' | 'passwords' | 'retiredLogins'>;
  readonly audit: Audit;
  /** Users of the policy file: rules for one of them would apply to a robot of the same name. */
  readonly isStaticUser: (login: string) => boolean;
  /** Whether members of the owner groups make robots and their passwords. */
  readonly selfService: boolean;
  /** How many robots a person makes at most; administrators have no limit. */
  readonly perPerson: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Tells robots from people, whose login holds an @, wherever only the login is seen: in a rule, in a registry's log. */
const loginPrefix = 'robot-';
/** The reasons that are stored, and shown to who uses the robot. */
const offByAdministrators = 'disabled by an administrator';
const offByOwners = 'disabled by its owners';

export function createRobots(parts: RobotParts): Robots {
  const { store, audit, now } = parts;
  return {
    requireMaking: (manager) => requireMaking(parts, manager),
    canMake: (manager) => manager.administrator || (parts.selfService && manager.groups.length > 0),
    async remove(id, manager, by) {
      const { login, description } = await find(parts, id, manager);
      const eventOf = (passwords: number) =>
        ({ action: 'robot.remove', ...by, subject: login, detail: { id, description, passwords } }) as const;
      await audit.commit(eventOf, (entry) => store.robots.remove(id, by.actor, now(), entry));
    },
    confirmMaker: (passwordId, robotId, manager, by) => confirmMaker(parts, passwordId, { robotId, manager, by }),
    list: async (manager) => (await store.robots.all(now())).filter((row) => manages(manager, row)).map(toRobot),
    byId: async (id, manager) => toRobot(await find(parts, id, manager)),
    create: (input, manager, by) => create(parts, input, manager, by),
    change: (id, input, manager, by, seen) => change(parts, id, input, { manager, by, seen }),
    async setState(id, state, manager, by) {
      const before = await find(parts, id, manager);
      requireStarting(state, manager, before);
      const { login } = before;
      const change = { ...changeTo(state, manager, before), by: by.actor, at: now() };
      const event = { action: 'robot.change', ...by, subject: login, detail: { after: { state } } } as const;
      await audit.commit(event, (row) => store.accounts.setState(id, change, row));
      return toRobot(await find(parts, id, manager));
    },
  };
}

async function find({ store, now }: RobotParts, id: string, manager: RobotManager): Promise<RobotRow> {
  const row = await store.robots.byId(id, now());
  if (row !== undefined && manages(manager, row)) return row;
  throw new Refusal('not_found', `There is no robot ${id} that you manage. Your groups' robots are listed.`);
}

/** An administrator's word takes the place of the owners', who could else enable it again. */
function changeTo(
  state: 'active' | 'disabled',
  { administrator }: RobotManager,
  before: RobotRow,
): Omit<StateChange, 'by' | 'at'> {
  if (state === 'active') return { state, reason: null, was: before };
  return administrator
    ? { state, reason: offByAdministrators, insteadOf: offByOwners }
    : { state, reason: offByOwners };
}

/** What an administrator stopped, those who are stopped by it don't start again. */
function requireStarting(state: Robot['state'], manager: RobotManager, { state_reason: why }: RobotRow): void {
  if (state !== 'active' || manager.administrator || why !== offByAdministrators) return;
  throw new Refusal('denied', 'An administrator disabled this robot, so only administrators enable it. Ask one.');
}

function requireMaking({ selfService }: RobotParts, manager: RobotManager): void {
  if (manager.administrator || selfService) return;
  throw new Refusal('denied', 'Only administrators make robots and their passwords here. Ask one.');
}

async function create(parts: RobotParts, input: RobotInput, manager: RobotManager, by: Actor): Promise<Robot> {
  const { store, audit, now } = parts;
  requireMaking(parts, manager);
  const login = `${loginPrefix}${checkName(input.name)}`;
  const facts = checkFacts(input, manager, null);
  if (parts.isStaticUser(login)) throw nameTaken(login);
  await requireFreeName(parts, login, facts.owner_group);
  const row = {
    ...{ ...facts, id: randomBytes(10).toString('hex'), login, display_name: input.name },
    ...{ created_by: by.actor, created_by_id: manager.accountId, created_at: now() },
  };
  const limit = manager.administrator ? Number.MAX_SAFE_INTEGER : parts.perPerson;
  const event = { action: 'robot.create', ...by, subject: login, detail: describeFacts(facts) } as const;
  try {
    if (!(await audit.commit(event, (entry) => store.robots.insert(row, limit, entry)))) throw tooMany(limit);
  } catch (error) {
    throw error instanceof ConstraintError ? nameTaken(login, error) : error;
  }
  return toRobot(await find(parts, row.id, manager));
}

async function change(
  parts: RobotParts,
  id: string,
  input: Omit<RobotInput, 'name'>,
  { manager, by, seen }: { readonly manager: RobotManager; readonly by: Actor; readonly seen: string | undefined },
): Promise<Robot> {
  const { store, audit } = parts;
  requireMaking(parts, manager);
  const before = await find(parts, id, manager);
  const robot = toRobot(before);
  if (seen !== undefined && seen !== versionOf(robot)) throw changedSince();
  const facts = checkFacts(input, manager, robot);
  if (facts.groups_json !== before.groups_json) await requireBound(parts, id, manager);
  const detail = { before: describeFacts(toFacts(robot)), after: describeFacts(facts) };
  const event = { action: 'robot.change', ...by, subject: before.login, detail } as const;
  const isStored = await audit.commit(event, (row) => store.robots.change(id, before, facts, row));
  if (isStored) return toRobot((await store.robots.byId(id, parts.now())) ?? before);
  await find(parts, id, manager);
  throw changedSince();
}

/** What was taken from a robot would come back with a change that was made before. */
function changedSince(): Refusal {
  return new Refusal(
    'conflict',
    'Someone else changed this robot meanwhile, so nothing was saved. Look at what it has now, and try again.',
  );
}

async function confirmMaker(
  parts: RobotParts,
  passwordId: string,
  { robotId, manager, by }: { readonly robotId: string; readonly manager: RobotManager; readonly by: Actor },
): Promise<void> {
  const { store, audit } = parts;
  const { login } = await find(parts, robotId, manager);
  if (!manager.administrator) throw new Refusal('denied', 'Only administrators confirm a password. Ask one.');
  const password = await store.passwords.byId(passwordId);
  if (password?.account_id !== robotId) throw new Refusal('not_found', `${login} has no password ${passwordId}.`);
  const detail = { id: passwordId, name: password.name };
  const event = { action: 'password.confirm-maker', ...by, subject: login, detail } as const;
  const change = (entry: AuditRowOf) => store.passwords.confirmMaker(passwordId, manager.accountId, entry);
  if (await audit.commit(event, change)) return;
  throw new Refusal('conflict', `The maker of "${password.name}" is known already.`);
}

/**
 * Nothing but the robot's groups bounds a password that an administrator made: someone who holds it must not give the robot other
 * groups.
 */
async function requireBound({ store, now }: RobotParts, id: string, manager: RobotManager): Promise<void> {
  if (manager.administrator) return;
  const rows = await store.passwords.ofAccount(id);
  if (rows.every((row) => row.maker_kind === 'person' || stateOf(row, now()) !== 'active')) return;
  throw new Refusal(
    'denied',
    'An administrator made a password of this robot, so only administrators change its groups. Ask one, or make a robot of your own.',
    { field: 'groups' },
  );
}

function manages(manager: RobotManager, robot: Pick<RobotRow, 'owner_group'>): boolean {
  return manager.administrator || (robot.owner_group !== null && manager.groups.includes(robot.owner_group));
}

function tooMany(limit: number): Refusal {
  const message = `You have made ${limit} robots, which is the limit. Delete one that isn't needed, or ask an administrator.`;
  return new Refusal('conflict', message);
}

function nameTaken(login: string, cause?: unknown): Refusal {
  return new Refusal('conflict', `${login} already exists. Choose another name.`, { cause, field: 'name' });
}

/** Rules may still name a robot that was deleted: only those who owned it have its name again without being asked. */
async function requireFreeName({ store }: RobotParts, login: string, ownerGroup: string | null): Promise<void> {
  const retired = await store.retiredLogins.find(login);
  if (retired === undefined || (retired.kind === 'robot' && retired.owner_group === ownerGroup)) return;
  throw new Refusal(
    'conflict',
    `A deleted robot of ${retired.owner_group} was called ${login}, and rules can still name it. Choose another name, or let an administrator release this one (dockpass person release, or "Reserved names" below the list of people).`,
    { field: 'name' },
  );
}

function toRobot(row: RobotRow): Robot {
  return {
    id: row.id,
    login: row.login,
    name: row.login.slice(loginPrefix.length),
    description: row.description ?? '',
    ownerGroup: row.owner_group ?? '',
    groups: readJson(row.groups_json, isTexts),
    labels: readJson(row.labels_json ?? '{}', isTextLists),
    state: row.state,
    createdAt: row.created_at,
    createdBy: row.created_by ?? '',
    activePasswords: row.live_passwords,
  };
}
