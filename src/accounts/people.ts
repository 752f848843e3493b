/** Owns what administrators see of people and do to them: search, a person's detail, disable, enable, end sessions, remove. */

import type { AppPassword, AppPasswords } from '../app-passwords/app-passwords.ts';
import type { Actor, Audit, AuditEvent } from '../audit/audit.ts';
import type { Use, Uses } from '../audit/uses.ts';
import type { Authority } from '../identity/authority.ts';
import { Refusal } from '../lib/errors.ts';
import { isTexts, readJson } from '../lib/json.ts';
import { type Page, pageOf } from '../lib/paging.ts';
import { checkReason } from '../lib/reason.ts';
import { normalized } from '../lib/unicode.ts';
import type { Membership } from '../policy/groups.ts';
import type { Account, AccountState } from '../store/accounts.ts';
import type { AuditRowOf } from '../store/audit-events.ts';
import type { Disabled, PersonRow, Removed } from '../store/people.ts';
import type { Ended } from '../store/sessions.ts';
import { ConstraintError } from '../store/sql.ts';
import type { Store } from '../store/store.ts';
import type { Administrators } from './administrators.ts';

/** Times are epoch milliseconds. */
export type Person = {
  readonly id: string;
  /** Lists hold people alone; `detail` takes robots too. */
  readonly kind: Account['kind'];
  /** The docker user name. */
  readonly login: string;
  readonly displayName: string | null;
  readonly provider: string;
  readonly domain: string | null;
  /** As the provider reported them. */
  readonly groups: readonly string[];
  /** When it reported them; `null`: never, which isn't "none". */
  readonly groupsAt: number | null;
  /** Why the provider's last answer left them unknown, for people; `null`: it didn't. */
  readonly groupsProblem: string | null;
  /** When the provider last said that the person is there; `null`: it cannot be asked. */
  readonly confirmedAt: number | null;
  readonly createdAt: number;
  readonly signedInAt: number | null;
  readonly activePasswords: number;
  readonly state: AccountState;
  readonly stateReason: string | null;
  /** A login, 'command line', 'authority' where no provider vouches, or 'provider', whose word a sign-in undoes. */
  readonly stateBy: string | null;
  readonly stateAt: number | null;
};

export type PeopleSort = 'login' | 'name' | 'signed-in' | 'created';

export type PeopleQuery = {
  /** Part of a login or name, any case; '' for all. */
  readonly search: string;
  readonly state: AccountState | null;
  readonly provider: string | null;
  readonly domain: string | null;
  /** Of the provider with its prefix, or of the policy file. */
  readonly group: string | null;
  /** Only accounts that are suspended because their provider doesn't vouch for their address. */
  readonly unvouched?: boolean;
  readonly sort: PeopleSort;
  readonly descending: boolean;
  /** From 1. */
  readonly page: number;
};

export type PeoplePage = Pick<Page, 'page' | 'pages'> & {
  readonly people: readonly Person[];
  readonly total: number;
};

export type SessionSummary = {
  /** A hash of what the browser has: it opens nothing. */
  readonly id: string;
  /** When its owner signed in. */
  readonly signedInAt: number;
  readonly expiresAt: number;
  /** Where from; `null` for sessions that began before this was kept. */
  readonly address: string | null;
  readonly client: string | null;
};

export type Made = {
  readonly robots: readonly { readonly id: string; readonly login: string }[];
  /** `login` is the robot's. */
  readonly passwords: readonly AppPassword[];
};

export type PersonDetail = {
  readonly person: Person;
  /** Groups of the provider and of the policy file, each with where it comes from. */
  readonly groups: readonly Membership[];
  /** The newest first. */
  readonly passwords: readonly (AppPassword & { readonly uses: readonly Use[] })[];
  /** Terminals that the person has approved, and that have yet to collect their password. */
  readonly approvedTerminals: number;
  readonly sessions: readonly SessionSummary[];
  /** Robots and active passwords of robots that the person made, no matter who manages them now. */
  readonly made: Made;
  readonly isAdministrator: boolean;
};

export type People = {
  /** People alone, no robots. */
  list(query: PeopleQuery): Promise<PeoplePage>;
  /** What there is to filter by. */
  providers(): Promise<string[]>;
  /** @throws {Refusal} `not_found` */
  detail(id: string): Promise<PersonDetail>;
  /** Where someone is signed in. */
  sessionsOf(id: string): Promise<SessionSummary[]>;
  /**
   * Passwords and sessions stop immediately, and sign-in is refused, until someone enables the account again.
   * @param reason shown to its owner
   * @param how whether it's for a security reason: then robots' passwords that the person made have no grace period
   * @throws {Refusal} `not_found`; `conflict` for one's own account
   */
  disable(id: string, reason: string, by: Actor, how?: { readonly forSecurity: boolean }): Promise<void>;
  /** @throws {Refusal} `not_found`; `conflict` where no provider vouches for the address, so that it would change nothing */
  enable(id: string, by: Actor): Promise<void>;
  /** Why it can't be done to this account; `null`: it can. @throws {Refusal} `not_found` */
  objectionTo(change: 'disable' | 'enable' | 'remove', id: string, by: Actor): Promise<string | null>;
  /** Ends all sessions in browsers; returns how many. @throws {Refusal} `not_found` */
  endSessions(id: string, by: Actor): Promise<number>;
  /** Signs one browser out. @returns false where it has been signed out already. @throws {Refusal} `not_found` */
  endSession(id: string, sessionId: string, by: Actor): Promise<boolean>;
  /**
   * Deletes the account with its passwords and sessions, for good. Its address is kept for the same person, unless it's
   * released for anyone who comes with it next: rules may name it. A person whom the provider still lets in starts over at
   * the next sign-in; to keep someone out, disable them.
   * @throws {Refusal} `not_found`; `conflict` for one's own account
   */
  remove(id: string, by: Actor, how?: { readonly releasesLogin: boolean }): Promise<void>;
};

export type PeopleParts = {
  readonly store: Pick<Store, 'people' | 'accounts' | 'sessions' | 'robots' | 'revocations'>;
  /** Reads a stored session; its writer knows how. */
  readonly readSession: (data: string) => Omit<SessionSummary, 'id' | 'expiresAt'>;
  readonly passwords: Pick<AppPasswords, 'ofAccount' | 'madeBy'>;
  readonly uses: Pick<Uses, 'ofAccount'>;
  readonly administrators: Administrators;
  /** Forgets the person's refresh token, here and at the provider; that the provider is away ends nothing. */
  readonly forgetToken: (person: Pick<Account, 'id' | 'provider'>) => Promise<void>;
  readonly authority: Pick<Authority, 'objectionTo'>;
  readonly audit: Audit;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Rows of a page. */
const pageSize = 50;

export function createPeople(parts: PeopleParts): People {
  const { store, audit, now } = parts;
  /** @param end returns how many it ended */
  const endSessions = async (id: string, by: Actor, end: (row: AuditRowOf<Ended>) => Promise<number>) => {
    const { login } = await findPerson(parts, id);
    const event = (detail: Ended) => ({ action: 'person.end-sessions', ...by, subject: login, detail }) as const;
    return audit.commit(event, end);
  };
  return {
    list: (query) => list(parts, query),
    providers: () => store.people.providers(),
    detail: async (id) => detailOf(parts, await find(parts, id)),
    sessionsOf: (id) => sessionsOf(parts, id),
    async disable(id, reason, by, { forSecurity } = { forSecurity: false }) {
      const { login } = await findPerson(parts, id);
      refuse(objectionToOneself('disable', login, by));
      const change = { reason: checkReason(reason), by: by.actor, at: now(), forSecurity };
      const event = ({ isNew, sessions }: Disabled): AuditEvent =>
        isNew
          ? {
              action: 'person.disable',
              ...by,
              subject: login,
              detail: { reason: change.reason, ...(forSecurity && { forSecurity }) },
            }
          : { action: 'person.end-sessions', ...by, subject: login, detail: { sessions } };
      await audit.commit(event, (row) => store.people.disable(id, change, row));
    },
    async enable(id, by) {
      const person = await findPerson(parts, id);
      refuse(objectionToEnabling(parts, person));
      const { login } = person;
      const change = { state: 'active', reason: null, by: by.actor, at: now() } as const;
      const event = (left: number) =>
        ({ action: 'person.enable', ...by, subject: login, ...(left > 0 && { detail: { revoked: left } }) }) as const;
      await audit.commit(event, (row) => store.accounts.setState(id, change, row));
    },
    async objectionTo(change, id, by) {
      const person = await findPerson(parts, id);
      return change === 'enable' ? objectionToEnabling(parts, person) : objectionToOneself(change, person.login, by);
    },
    endSessions: (id, by) => endSessions(id, by, (row) => store.sessions.removeOfAccount(id, row)),
    endSession: async (id, sessionId, by) =>
      (await endSessions(id, by, (row) => store.sessions.removeOneOf(id, sessionId, row))) === 1,
    async remove(id, by, { releasesLogin } = { releasesLogin: false }) {
      const person = await findPerson(parts, id);
      refuse(objectionToOneself('remove', person.login, by));
      await parts.forgetToken(person);
      const detail = { ...whoWas(person), releasesLogin };
      const event = (removed: Removed) =>
        ({ action: 'person.remove', ...by, subject: person.login, detail: { ...detail, ...removed } }) as const;
      const change = { by: by.actor, at: now(), releasesLogin };
      await audit.commit(event, (row) => removeWhole(store, id, change, row));
    },
  };
}

async function find({ store, now }: PeopleParts, id: string): Promise<PersonRow> {
  const row = await store.people.byId(id, now());
  if (row !== undefined) return row;
  throw new Refusal('not_found', `There is no account ${id}. Search for the person by name or e-mail.`);
}

/** Robots have functions, pages and scopes of their own. */
async function findPerson(parts: PeopleParts, id: string): Promise<PersonRow> {
  const row = await find(parts, id);
  if (row.kind === 'person') return row;
  throw new Refusal(
    'not_found',
    `${row.login} is a robot, not a person. Change it on the Robots page or with "dockpass robot".`,
  );
}

async function list({ store, administrators, now }: PeopleParts, query: PeopleQuery): Promise<PeoplePage> {
  const group = query.group === null ? null : administrators.membersOf(query.group);
  const filter = { ...query, search: normalized(query.search.trim()).toLowerCase(), group };
  const total = await store.people.count(filter);
  const { page, pages, offset } = pageOf(total, pageSize, query.page);
  const range = { limit: pageSize, offset, now: now() };
  const rows = await store.people.list(filter, { by: query.sort, descending: query.descending }, range);
  return { people: rows.map(toPerson), total, page, pages };
}

async function detailOf(parts: PeopleParts, account: PersonRow): Promise<PersonDetail> {
  const { administrators, store, now } = parts;
  const [passwords, approved, uses, sessions, made] = await Promise.all([
    parts.passwords.ofAccount(account),
    store.revocations.approved([account.id], {}, now()),
    parts.uses.ofAccount(account.id),
    sessionsOf(parts, account.id),
    madeBy(parts, account.id),
  ]);
  return {
    person: toPerson(account),
    groups: administrators.groupsOf(account),
    passwords: passwords.map((password) => ({ ...password, uses: uses.get(password.id) ?? [] })),
    approvedTerminals: approved.length,
    sessions,
    made,
    isAdministrator: administrators.includes(account),
  };
}

async function sessionsOf({ store, readSession, now }: PeopleParts, accountId: string): Promise<SessionSummary[]> {
  const rows = await store.sessions.ofAccount(accountId, now());
  return rows.map(({ id, data, expires_at: expiresAt }) => ({ id, ...readSession(data), expiresAt }));
}

async function madeBy({ store, passwords, now }: PeopleParts, accountId: string): Promise<Made> {
  const robots = await store.robots.createdBy(accountId, now());
  return { robots: robots.map(({ id, login }) => ({ id, login })), passwords: await passwords.madeBy(accountId) };
}

/** Whatever is stored, nothing of the account works until a provider vouches for its address. */
function objectionToEnabling({ authority }: PeopleParts, person: PersonRow): string | null {
  const why = authority.objectionTo(person);
  if (why === null) return null;
  return `Enabling ${person.login} would change nothing: ${why}. Add the domain to a provider, or move the person to another one.`;
}

function objectionToOneself(change: 'disable' | 'remove', login: string, by: Actor): string | null {
  return login === by.actor ? `You can’t ${change} yourself. Ask another administrator.` : null;
}

function refuse(objection: string | null): void {
  if (objection !== null) throw new Refusal('conflict', objection);
}

async function removeWhole(
  store: PeopleParts['store'],
  id: string,
  change: { readonly by: string; readonly at: number; readonly releasesLogin: boolean },
  row: AuditRowOf<Removed>,
): Promise<void> {
  try {
    await store.people.remove(id, change, row);
  } catch (error) {
    if (!(error instanceof ConstraintError)) throw error;
    const message = 'The person signed in or got a password at this very moment, so nothing was removed. Try again.';
    throw new Refusal('conflict', message, { cause: error });
  }
}

/** What distinguishes the person who had this login from the next one. */
function whoWas({ id, provider, issuer, subject, display_name: name }: PersonRow) {
  return { id, provider, issuer, subject, name };
}

function toPerson(row: PersonRow): Person {
  return {
    id: row.id,
    kind: row.kind,
    login: row.login,
    displayName: row.display_name,
    provider: row.provider,
    domain: row.domain,
    groups: readJson(row.groups_json, isTexts),
    groupsAt: row.groups_at,
    groupsProblem: row.groups_problem,
    confirmedAt: row.confirmed_at,
    createdAt: row.created_at,
    signedInAt: row.signed_in_at,
    activePasswords: row.live_passwords,
    state: row.state,
    stateReason: row.state_reason === '' ? null : row.state_reason,
    stateBy: row.state_by,
    stateAt: row.state_at,
  };
}
