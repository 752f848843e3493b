/** Owns the statements that list and search accounts of people, and those that stop them. */
import {
  type AccountState,
  type AccountWithCount,
  activePasswords,
  byAuthority,
  byProvider,
  lockForRemoval,
} from './accounts.ts';
import { type AuditRowOf, addRow } from './audit-events.ts';
import { type Conditions, containing, createConditions, inList } from './conditions.ts';
import { countOfHeld, endHeld, forgetApprovals, type Held } from './held.ts';
import { forgetAccount } from './repository-activity.ts';
import { releaseLogin, retireLogin } from './retired-logins.ts';
import type { Sql } from './sql.ts';

export type PersonRow = AccountWithCount;

/** `null`: not asked for. Times are epoch milliseconds. */
export type PeopleFilter = {
  /** Part of login or name, case-folded; '' for all. */
  readonly search: string;
  readonly state: AccountState | null;
  readonly provider: string | null;
  readonly domain: string | null;
  readonly group: GroupMembers | null;
  /** Only accounts that are suspended because their provider doesn't vouch for their address. */
  readonly unvouched?: boolean;
};

/** Who is in a group: anyone with one of these. */
export type GroupMembers = {
  /** As providers reported them, and not longer ago than `toldSince`. */
  readonly groups: readonly string[];
  readonly toldSince: number;
  readonly logins: readonly string[];
  readonly domains: readonly string[];
};

export type PeopleOrder = { readonly by: keyof typeof sortKeys; readonly descending: boolean };

export type PeopleStore = {
  count(filter: PeopleFilter): Promise<number>;
  list(
    filter: PeopleFilter,
    order: PeopleOrder,
    range: { limit: number; offset: number; now: number },
  ): Promise<PersonRow[]>;
  /** Each once, by name. */
  providers(): Promise<string[]>;
  byId(id: string, now: number): Promise<PersonRow | undefined>;
  /**
   * Disables the account and ends its sessions. One that an administrator has disabled already keeps that reason and
   * that administrator, and loses the sessions that it still has; for security, what its person made stops all the same.
   */
  disable(
    id: string,
    change: { reason: string; by: string; at: number; forSecurity: boolean },
    audit: AuditRowOf<Disabled>,
  ): Promise<void>;
  /**
   * Disables the account on its provider's word, revokes its passwords and the API tokens that its person made, and ends its
   * sessions. For security, an account that the provider has disabled already gets this reason, and robots' passwords that its
   * person made are revoked, too.
   * @returns false, and nothing changed, where its person has signed in after `change.at`, or it's disabled already, nothing
   *   could bring back what it's about, and security asks for nothing more
   */
  shutOut(
    id: string,
    change: {
      readonly reason: string;
      readonly at: number;
      readonly forSecurity: boolean;
      /** The provider says that the person can come back. */
      readonly suspended?: boolean;
    },
    audit: AuditRowOf<ShutOut>,
  ): Promise<boolean>;
  /**
   * The account's passwords rest until the person signs in again, and its sessions end. For security, what the person made stops
   * immediately, also where the account rests or is disabled already.
   * @param audit gets the number of sessions
   * @returns false when nothing changed: the account rests or is disabled already and security asks for nothing more, or the
   *   person has signed in after `at`
   */
  requireSignIn(
    id: string,
    change: { readonly reason: string; readonly at: number; readonly forSecurity: boolean },
    audit: AuditRowOf<number>,
  ): Promise<boolean>;
  /**
   * Ends and deletes all that belongs to the account, and the account. What it was made of stays in the audit, and its login is
   * kept for its person unless it's released.
   * @returns `null` where it is not there
   * @throws {ConstraintError} where something was added to it at the same moment; nothing is removed then
   */
  remove(
    id: string,
    change: { readonly by: string; readonly at: number; readonly releasesLogin: boolean },
    audit: AuditRowOf<Removed>,
  ): Promise<Removed | null>;
};

/** What there was to end. `isNew`: it was not disabled by an administrator before, or not for security. */
export type Disabled = { readonly isNew: boolean; readonly sessions: number };

/** How much of each there was. */
export type Removed = { readonly passwords: number; readonly sessions: number };

export type ShutOut = Held & { readonly sessions: number };

/** What each order sorts by: in the words of its index, whose end the id is, and in words that no index has. */
const sortKeys = {
  login: { indexed: 'login', plain: `login || ''` },
  name: { indexed: 'coalesce(display_name, login)', plain: `coalesce(display_name, login) || ''` },
  'signed-in': { indexed: 'coalesce(signed_in_at, 0)', plain: 'coalesce(signed_in_at, 0) + 0' },
  created: { indexed: 'created_at', plain: 'created_at + 0' },
} as const;

const byId = `select a.*, ${activePasswords('$2')} from account a where a.id = $1`;

const disable = `
  update account set state = 'disabled', state_reason = $2, state_by = $3, state_at = $4
  where id = $1 and (state <> 'disabled' or state_by in ('${byProvider}', '${byAuthority}'))`;

/** What the person made stops immediately, without a grace period. */
const stopForSecurity = `
  update account set stopped_for_security = 1
  where id = $1 and state = 'disabled' and stopped_for_security is null`;
/** On the provider's word, which was about the time before `$2`. An administrator's state and reason stay. */
const stopOnProvidersWord = `${stopForSecurity} and coalesce(signed_in_at, 0) <= $2`;
/** `state_at` stays: the account stopped when the provider first said so. */
const nameSecurityReason = `
  update account set state_reason = $2, suspended_there = $4
  where id = $1 and state = 'disabled' and state_by = '${byProvider}' and state_reason <> $2
    and coalesce(signed_in_at, 0) <= $3`;
const shutOut = `
  update account set state = 'disabled', state_reason = $2, state_by = '${byProvider}', state_at = $3, suspended_there = $4
  where id = $1 and (state <> 'disabled' or state_by = '${byAuthority}') and coalesce(signed_in_at, 0) <= $3`;
const requireSignIn = `
  update account set state = 'reauth_required', state_reason = $2, state_by = '${byProvider}',
    state_at = case when state = 'reauth_required' then state_at else $3 end,
    stopped_for_security = coalesce(stopped_for_security, $4)
  where id = $1 and coalesce(signed_in_at, 0) <= $3
    and (state = 'active' or (state = 'disabled' and state_by = '${byAuthority}')
      or (state = 'reauth_required' and stopped_for_security is null and $4 = 1))`;

/** A machine isn't a password that comes back when the account is enabled: it's signed in again. */
const endMachines = `
  update app_password set revoked_at = coalesce(revoked_at, $3), revoked_by = $2, revocation_id = null
  where account_id = $1 and origin = 'machine' and expires_at > $3 and (revoked_at is null or revocation_id is not null)`;

/**
 * In an order that the references allow. API tokens stay, so that who made them can be read: revoked, because one without
 * an account would count as one of the command line.
 */
const removals = {
  identityTokens: 'delete from identity_token where password_id in (select id from app_password where account_id = $1)',
  uses: 'delete from password_use where password_id in (select id from app_password where account_id = $1)',
  machineSecrets: 'delete from machine_secret where password_id in (select id from app_password where account_id = $1)',
  machinePasswords:
    'delete from machine_password where password_id in (select id from app_password where account_id = $1)',
  terminalRequests: 'delete from terminal_request where account_id = $1',
  revocations: 'delete from revocation_also where password_id in (select id from app_password where account_id = $1)',
  passwords: 'delete from app_password where account_id = $1',
  sessions: 'delete from web_session where account_id = $1',
  refreshTokens: 'delete from refresh_token where account_id = $1',
  notifications: 'delete from notification_item where account_id = $1',
  optOuts: 'delete from notification_opt_out where account_id = $1',
  account: 'delete from account where id = $1',
};
const endApiTokens = `
  update api_token set account_id = null, revoked_at = coalesce(revoked_at, $3), revoked_by = coalesce(revoked_by, $2)
  where account_id = $1`;

export function createPeopleStore(sql: Sql): PeopleStore {
  const conditionsOf = (filter: PeopleFilter) => createFilter(filter, sql.engine);
  return {
    async count(filter) {
      const conditions = conditionsOf(filter);
      const text = `select count(*) as count from account ${conditions.where()}`;
      return (await sql.get<{ count: number }>(text, conditions.values))?.count ?? 0;
    },
    list(filter, { by, descending }, { limit, offset, now }) {
      const conditions = conditionsOf(filter);
      const direction = descending ? 'desc' : 'asc';
      // Without a search the index gives the order. With one it must not: all rows would be fetched in that order to look
      // into each, where the index of the search has what the search and any order need.
      const key = sortKeys[by][filter.search === '' ? 'indexed' : 'plain'];
      // A login is there once; with the id behind it, its index would not do.
      const order = by === 'login' ? `order by ${key} ${direction}` : `order by ${key} ${direction}, id ${direction}`;
      const again = `order by ${sortKeys[by].plain} ${direction}, a.id ${direction}`;
      const where = conditions.where();
      const range = `limit ${conditions.parameter(limit)} offset ${conditions.parameter(offset)}`;
      // The rows are fetched, and their passwords counted, for the page alone, so the page is cut out first.
      const text = `
        select a.*, ${activePasswords(conditions.parameter(now))}
        from (select id as page_id from account ${where} ${order} ${range}) page cross join account a
        where a.id = page.page_id ${again}`;
      return sql.all<PersonRow>(text, conditions.values);
    },
    async providers() {
      const rows = await sql.all<{ provider: string }>(
        `select distinct provider from account where kind = 'person' order by provider`,
      );
      return rows.map(({ provider }) => provider);
    },
    byId: (id, now) => sql.get<PersonRow>(byId, [id, now]),
    disable: (id, { reason, by, at, forSecurity }, audit) =>
      sql.atomic(function* () {
        const isDisabled = (yield { text: disable, values: [id, reason, by, at] }) === 1;
        const sessions = yield { text: removals.sessions, values: [id] };
        yield { text: endMachines, values: [id, by, at] };
        yield { text: removals.terminalRequests, values: [id] };
        const isStopped = forSecurity && (yield { text: stopForSecurity, values: [id] }) === 1;
        const isNew = isDisabled || isStopped;
        if (isNew || sessions > 0) yield* addRow(audit({ isNew, sessions }));
      }),
    shutOut: (id, { reason, at, forSecurity, suspended }, audit) =>
      sql.atomic(function* () {
        const comesBack = suspended ? 1 : null;
        let changes = yield { text: shutOut, values: [id, reason, at, comesBack] };
        const held = yield* endHeld(id, at, forSecurity);
        if (forSecurity) {
          changes += yield { text: nameSecurityReason, values: [id, reason, at, comesBack] };
          changes += yield { text: stopOnProvidersWord, values: [id, at] };
        }
        if (changes + countOfHeld(held) === 0) return false;
        yield { text: removals.terminalRequests, values: [id] };
        const sessions = yield { text: removals.sessions, values: [id] };
        yield* addRow(audit({ ...held, sessions }));
        return true;
      }),
    requireSignIn: (id, { reason, at, forSecurity }, audit) =>
      sql.atomic(function* () {
        let changes = yield { text: requireSignIn, values: [id, reason, at, forSecurity ? 1 : null] };
        if (forSecurity) changes += yield { text: stopOnProvidersWord, values: [id, at] };
        if (changes === 0) return false;
        yield { text: forgetApprovals, values: [id] };
        const sessions = yield { text: removals.sessions, values: [id] };
        yield* addRow(audit(sessions));
        return true;
      }),
    remove: (id, { by, at, releasesLogin }, audit) =>
      sql.atomic(function* () {
        yield* lockForRemoval(sql, id);
        yield releasesLogin ? releaseLogin(id) : retireLogin(id, by, at);
        yield { text: endApiTokens, values: [id, by, at] };
        yield { text: removals.identityTokens, values: [id] };
        yield { text: removals.uses, values: [id] };
        yield { text: removals.revocations, values: [id] };
        yield { text: removals.machineSecrets, values: [id] };
        yield { text: removals.machinePasswords, values: [id] };
        yield { text: removals.terminalRequests, values: [id] };
        const passwords = yield { text: removals.passwords, values: [id] };
        const sessions = yield { text: removals.sessions, values: [id] };
        yield { text: removals.refreshTokens, values: [id] };
        yield { text: removals.notifications, values: [id] };
        yield { text: removals.optOuts, values: [id] };
        if ((yield { text: removals.account, values: [id] }) === 0) return null;
        yield { text: forgetAccount, values: [id] };
        const removed = { passwords, sessions };
        yield* addRow(audit(removed));
        return removed;
      }),
  };
}

function createFilter(
  { search, state, provider, domain, group, unvouched }: PeopleFilter,
  engine: Sql['engine'],
): Conditions {
  const conditions = createConditions(`kind = 'person'`);
  if (search !== '') conditions.add((value) => `search_text like ${value} escape '\\'`, containing(search));
  if (state !== null) conditions.add((value) => `state = ${value}`, state);
  if (provider !== null) conditions.add((value) => `provider = ${value}`, provider);
  if (domain !== null) conditions.add((value) => `domain = ${value}`, domain);
  if (unvouched === true) conditions.add((value) => `state_by = ${value} and state = 'disabled'`, byAuthority);
  if (group !== null) addGroup(conditions, group, engine);
  return conditions;
}

/** The names are found as they are in the JSON: `like` would take any case in SQLite. Both engines scan 100,000 in 60 ms. */
function addGroup(conditions: Conditions, group: GroupMembers, engine: Sql['engine']): void {
  const position = engine === 'sqlite' ? 'instr' : 'strpos';
  const told = group.groups
    .map((name) => `${position}(groups_json, ${conditions.parameter(JSON.stringify(name))}) > 0`)
    .join(' or ');
  const isNamed = [
    inList(conditions, 'login', group.logins, engine),
    inList(conditions, 'domain', group.domains, engine),
  ].join(' or ');
  conditions.add((since) => `((groups_at >= ${since} and (${told})) or ${isNamed})`, group.toldSince);
}
