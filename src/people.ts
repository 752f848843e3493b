/** Owns what administrators see of people and do to them: search, a person's detail, disable, enable, end sessions. */
import type { Actor, AppPassword } from './app-passwords.ts';
import type { Membership } from './policy/groups.ts';
import type { AccountState } from './store/accounts.ts';
import type { Use } from './uses.ts';

/** Times are epoch milliseconds. */
export type Person = {
  readonly id: string;
  /** The docker user name. */
  readonly login: string;
  readonly displayName: string | null;
  readonly provider: string;
  readonly domain: string | null;
  /** As the provider told them. */
  readonly groups: readonly string[];
  /** When it told them; `null`: never, which is not "none". */
  readonly groupsAt: number | null;
  readonly createdAt: number;
  readonly signedInAt: number | null;
  readonly livePasswords: number;
  readonly state: AccountState;
};

export type PeopleSort = 'login' | 'name' | 'signed-in' | 'created';

export type PeopleQuery = {
  /** Part of a login or name, any case; '' for all. */
  readonly search: string;
  readonly state: AccountState | null;
  readonly provider: string | null;
  readonly domain: string | null;
  readonly sort: PeopleSort;
  readonly descending: boolean;
  /** From 1. */
  readonly page: number;
};

export type PeoplePage = {
  readonly people: readonly Person[];
  readonly total: number;
  /** The one that was asked for, or the last one where there are fewer. */
  readonly page: number;
  readonly pages: number;
};

export type SessionSummary = {
  /** When its owner signed in. */
  readonly signedInAt: number;
  readonly expiresAt: number;
  /** Where from; `null` for sessions that began before this was kept. */
  readonly address: string | null;
  readonly client: string | null;
};

export type PersonDetail = {
  readonly person: Person;
  /** Groups of the provider and of the policy file, each with where it comes from. */
  readonly groups: readonly Membership[];
  /** The newest first. */
  readonly passwords: readonly (AppPassword & { readonly uses: readonly Use[] })[];
  readonly sessions: readonly SessionSummary[];
  readonly isAdministrator: boolean;
};

export type People = {
  /** People alone, no robots. */
  list(query: PeopleQuery): Promise<PeoplePage>;
  /** What there is to filter by. */
  providers(): Promise<string[]>;
  /** @throws {Refusal} `not_found` */
  detail(id: string): Promise<PersonDetail>;
  /**
   * Passwords and sessions stop at once, and sign-in is refused, until somebody enables the account again.
   * @param reason told to its owner
   * @throws {Refusal} `not_found`; `conflict` for one's own account
   */
  disable(id: string, reason: string, by: Actor): Promise<void>;
  /** @throws {Refusal} `not_found` */
  enable(id: string, by: Actor): Promise<void>;
  /** Ends all sessions in browsers; returns how many. @throws {Refusal} `not_found` */
  endSessions(id: string, by: Actor): Promise<number>;
};
