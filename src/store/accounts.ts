/** Owns every statement on `account`: people and robots, who can hold app passwords. */
import { minute } from '../lib/time.ts';
import { normalized } from '../lib/unicode.ts';
import { type AuditRowOf, addRow, runAudited } from './audit-events.ts';
import { createConditions } from './conditions.ts';
import { countOfHeld, endHeld } from './held.ts';
import { isHolder } from './holders.ts';
import type { Sql, Steps } from './sql.ts';
import { takeLogin } from './take-login.ts';

/** `reauth_required`: passwords rest until the person has signed in again. */
export type AccountState = 'active' | 'reauth_required' | 'disabled';

/** Who set a state where that was no administrator; what the provider took, a sign-in with it gives back. */
export const byProvider = 'provider';

/** Who suspended an account whose provider isn't the authority for its address. */
export const byAuthority = 'authority';

/** The `issuer` of people who came from docker_auth's database and have not signed in here; their `subject` is the login. */
export const importedIssuer = 'docker_auth';

/** A row of `account`; the columns are explained in `migrations/`. */
export type Account = {
  readonly id: string;
  readonly kind: 'person' | 'robot';
  readonly provider: string;
  readonly issuer: string;
  readonly subject: string;
  readonly login: string;
  readonly email: string | null;
  readonly display_name: string | null;
  readonly domain: string | null;
  readonly groups_json: string;
  readonly groups_at: number | null;
  /** Groups of which the same answer didn't say whether the person is in them; `null`: there are none. */
  readonly undecided_groups_json: string | null;
  readonly state: AccountState;
  readonly state_reason: string | null;
  readonly state_by: string | null;
  readonly state_at: number | null;
  readonly created_at: number;
  readonly signed_in_at: number | null;
  readonly checked_at: number | null;
  readonly confirmed_at: number | null;
  readonly groups_problem: string | null;
  readonly groups_left_out_at: number | null;
  readonly suspended_there: number | null;
  /** These are of robots alone, `null` for people. */
  readonly owner_group: string | null;
  readonly labels_json: string | null;
  readonly description: string | null;
  readonly created_by: string | null;
  readonly created_by_id: string | null;
  /** 1: disabled for a security reason, so that what the person made stops immediately. */
  readonly stopped_for_security: number | null;
};

/** Queues transactions that count what an account has and add to it: each counts what the one before it added. */
export const lockAccount = 'update account set state = state where id = $1';

/** The same, where the account works: what stops it waits for the transaction, and ends what that added. */
export const lockActive = `${lockAccount} and state = 'active'`;

/**
 * The first steps of a transaction that deletes an account with its passwords: what others are about to store for them is
 * waited for, and deleted with the rest; what comes later finds nothing. SQLite has one transaction after another.
 */
export function* lockForRemoval({ engine }: Pick<Sql, 'engine'>, accountId: string): Steps<void> {
  if (engine === 'sqlite') return;
  yield { text: 'select id from account where id = $1 for update', values: [accountId] };
  yield { text: 'select id from app_password where account_id = $1 order by id for update', values: [accountId] };
}

/** An account as lists show it. */
export type AccountWithCount = Account & { readonly live_passwords: number };

/** The column that counts active passwords of the account `a`. @param now the parameter that says when: "$1" */
export function activePasswords(now: string): string {
  return `(select count(*) from app_password p where p.account_id = a.id and p.revoked_at is null and p.expires_at > ${now}) as live_passwords`;
}

/** A new state: why, in words for its owner (`null` for active), and by whom: a login, 'command line' or `byProvider`. */
export type StateChange = {
  readonly state: AccountState;
  readonly reason: string | null;
  readonly by: string;
  readonly at: number;
  /** As it was when that was decided: nothing changes where someone else has set another state meanwhile. */
  readonly was?: Pick<Account, 'state' | 'state_by' | 'stopped_for_security'>;
  /** When what decides this was said, in epoch milliseconds: nothing changes where the state of today was set since. */
  readonly saidAt?: number;
  /** A reason of the same state whose place this one takes. */
  readonly insteadOf?: string;
};

/** What a completed sign-in shows. `groups: null` means that the provider sent none: the known ones stay. */
export type SignedIn = {
  /** Used only where the person is new. */
  readonly id: string;
  readonly provider: string;
  readonly issuer: string;
  readonly subject: string;
  readonly login: string;
  /** A new login in its other spelling, which no other account can have then; `null` or left out: it has only one. */
  readonly otherLogin?: string | null;
  readonly email: string;
  readonly displayName: string | null;
  readonly domain: string | null;
  readonly groups: readonly string[] | null;
  /** When the provider said so. */
  readonly at: number;
};

/** A person whom docker_auth knew. */
export type ImportedPerson = {
  readonly id: string;
  readonly provider: string;
  readonly login: string;
  /** As in `SignedIn`. */
  readonly otherLogin?: string | null;
  readonly email: string;
  readonly labels: Readonly<Record<string, readonly string[]>> | null;
  readonly at: number;
};

/** An account whose domain no provider has reported can be of any. */
export type AccountFilter = { readonly domain?: string | undefined; readonly provider?: string | undefined };

export type DuePerson = Pick<Account, 'id' | 'provider'>;

export type Confirmation = {
  readonly at: number;
  readonly groups: readonly string[] | null;
  readonly undecided?: readonly string[];
};

export type TeamCount = {
  readonly provider: string;
  readonly domain: string | null;
  readonly holders: number;
  /** Deleted there. */
  readonly gone: number;
  /** Suspended there, or asked to sign in again. */
  readonly suspended: number;
};

export type AccountStore = {
  /**
   * Creates an account that waits for its person. Its domain is unknown: docker_auth looked at the e-mail alone.
   * @throws {ConstraintError} when another account has the login already, in either spelling
   */
  import(person: ImportedPerson): Promise<void>;
  /**
   * Makes an imported account that still waits the account of this person.
   * @returns `undefined` where none of this login and provider waits
   * @throws {ConstraintError} when the person has another account already
   */
  claim(person: SignedIn): Promise<Account | undefined>;
  /**
   * Creates the person, or lets e-mail, name, domain and groups follow what the provider says now.
   * @throws {ConstraintError} when another account has the login already, in either spelling
   */
  signIn(person: SignedIn): Promise<Account>;
  byId(id: string): Promise<Account | undefined>;
  /** `undefined` where the account isn't active. */
  active(id: string): Promise<Account | undefined>;
  byLogin(login: string): Promise<Account | undefined>;
  /** In the order of their ids, after the given one. @param of only those that may be of this domain, or are of this provider */
  after(id: string, limit: number, of?: AccountFilter): Promise<Account[]>;
  byIdentity(issuer: string, subject: string): Promise<Account | undefined>;
  /** Gives the login to whoever it belongs to; the account keeps its e-mail, for people to read. False where there's no such account. */
  freeLogin(id: string, audit: AuditRowOf): Promise<boolean>;
  /**
   * An account that its provider disabled comes back without its passwords and its person's API tokens. Those were revoked, so
   * there's only what was made at the same moment, or what an earlier version kept. Robots' passwords stay as they are: no one
   * makes them whose account doesn't work.
   * @param audit gets how many of these there were
   * @returns false when nothing changed: there is no such account, it is in this state already, or it's no longer as it `was`
   */
  setState(id: string, change: StateChange, audit: AuditRowOf): Promise<boolean>;
  /**
   * The provider was asked at `at` and says that the person is there. An answer that comes after a later one is dropped.
   * @param groups `null`: it did not tell them; those that are known stay, with their age
   */
  confirm(id: string, answer: Confirmation, audit: AuditRowOf): Promise<void>;
  /** The provider was asked, and nothing is known better. */
  noteCheck(id: string, at: number): Promise<void>;
  /** Nothing can be asked for this person any more, so nothing ends by silence. */
  forgetConfirmation(id: string, at: number): Promise<void>;
  /**
   * Active people who hold something that works, and were last asked about at `before` or earlier, or never: the oldest first.
   * Of a large company these are many, so each comes with no more than it takes to find them.
   */
  due(before: number, now: number): Promise<DuePerson[]>;
  /** How many of them have a provider that can't be asked, by provider. */
  countUnchecked(now: number): Promise<{ readonly provider: string; readonly people: number }[]>;
  /**
   * Of those, among a thousand accounts in the order of their ids, after the given one: when the longest ago a provider
   * spoke of one, and told one's groups; `null` where there are none. `last` is where to go on, `null` at the end.
   */
  oldest(
    now: number,
    after: string,
  ): Promise<{ confirmation: number | null; groups: number | null; last: string | null }>;
  /** The people of each provider and domain: who holds something, and who lost it by the provider's word since. */
  countTeams(now: number, since: number): Promise<TeamCount[]>;
};

const signIn = `
  insert into account (id, kind, provider, issuer, subject, login, email, display_name, domain, groups_json, groups_at,
                       state, created_at, signed_in_at, search_text)
  values ($1, 'person', $2, $3, $4, $5, $6, $7, $8, coalesce($9, '[]'), $10, 'active', $11, $11, $12)
  on conflict (issuer, subject) do update set
    provider = excluded.provider, login = excluded.login, email = excluded.email,
    display_name = excluded.display_name, domain = excluded.domain,
    groups_json = coalesce($9, account.groups_json), groups_at = coalesce($10, account.groups_at),
    undecided_groups_json = case when $9 is null then account.undecided_groups_json end,
    signed_in_at = excluded.signed_in_at, search_text = excluded.search_text
  returning *`;

const importPerson = `
  insert into account (id, kind, provider, issuer, subject, login, email, groups_json, state, created_at, labels_json,
                       search_text)
  values ($1, 'person', $2, '${importedIssuer}', $3, $3, $4, '[]', 'active', $5, $6, $7)`;

/** docker_auth's labels end here: from now on the provider reports groups. */
const claim = `
  update account set
    issuer = $1, subject = $2, email = $3, display_name = $4, domain = $5, groups_json = coalesce($6, '[]'),
    groups_at = $7, signed_in_at = $8, search_text = $9, labels_json = null
  where issuer = '${importedIssuer}' and subject = $10 and login = $10 and provider = $11
  returning *`;

/** No one can log in under a name with a colon (RFC 7617, section 2). */
const freeLogin = "update account set login = 'unvouched:' || id || ':' || login where id = $1";
/** Milliseconds by which clocks of replicas can differ. A state later than that is of a clock that was wrong, and keeps no one out. */
const clockTolerance = 5 * minute;
const setState = `
  update account set state = $2, state_reason = $3, state_by = $4, state_at = $5, stopped_for_security = null
  where id = $1 and (state <> $2 or state_reason = cast($8 as text))
    and (cast($6 as text) is null
      or (state = $6 and coalesce(state_by, '') = $7 and coalesce(stopped_for_security, 0) = $9))
    and (cast($10 as bigint) is null or coalesce(state_at, 0) <= $10 or state_at > cast($5 as bigint) + ${clockTolerance})`;

/** It changes nothing, and counts whether it's so until the transaction ends. */
const lockShutOut = `
  update account set state = state where id = $1 and state = 'disabled' and state_by = '${byProvider}'`;

const confirm = `
  update account set confirmed_at = $2, checked_at = $2, groups_json = coalesce($3, groups_json),
    undecided_groups_json = case when cast($3 as text) is null then undecided_groups_json else $4 end,
    groups_at = case when cast($3 as text) is null then groups_at else $2 end
  where id = $1 and coalesce(checked_at, 0) <= $2`;

const noteCheck = 'update account set checked_at = $2 where id = $1 and coalesce(checked_at, 0) <= $2';

const holders = `from account where ${isHolder}`;
const due = `select id, provider ${holders} and coalesce(checked_at, 0) <= $2 order by coalesce(checked_at, 0), id`;
const unchecked = `select provider, count(*) as people ${holders} and confirmed_at is null group by provider order by provider`;
/** `$2` is the day before: who lost what they had since then, by the provider's word. */
const countTeams = `
  select provider, domain, sum(case when ${isHolder} then 1 else 0 end) as holders,
         sum(case when left_lightly = 0 then 1 else 0 end) as gone,
         sum(case when left_lightly = 1 then 1 else 0 end) as suspended
  from (select account.*, case
          when state = 'active' or coalesce(state_by, '') <> '${byProvider}' or coalesce(state_at, 0) <= $2 then null
          when state = 'reauth_required' or suspended_there = 1 then 1 else 0 end as left_lightly
        from account where kind = 'person') account
  group by provider, domain`;
const oldest = `
  select max(id) as last, min(case when holds = 1 then confirmed_at end) as confirmation,
         min(case when holds = 1 then groups_at end) as "groups"
  from (select id, confirmed_at, groups_at, case when ${isHolder} then 1 else 0 end as holds
        from account where id > $2 order by id limit 1000) piece`;

export function createAccountStore(sql: Sql): AccountStore {
  return {
    async import({ id, provider, login, otherLogin = null, email, labels, at }) {
      const known = labels === null ? null : JSON.stringify(labels);
      const values = [id, provider, login, email, at, known, searchTextOf(login, null)];
      const owner = { issuer: importedIssuer, subject: login };
      await takeLogin(sql, { text: importPerson, values }, otherLogin, owner);
    },
    claim(person) {
      const { issuer, subject, email, displayName, domain, login, at } = person;
      const groups = person.groups === null ? null : JSON.stringify(person.groups);
      const told = [groups, groups === null ? null : at, at, searchTextOf(login, displayName)];
      const values = [issuer, subject, email, displayName, domain, ...told, login, person.provider];
      return sql.get<Account>(claim, values);
    },
    async signIn(person) {
      const groups = person.groups === null ? null : JSON.stringify(person.groups);
      const values = [
        person.id,
        person.provider,
        person.issuer,
        person.subject,
        person.login,
        person.email,
        person.displayName,
        person.domain,
        groups,
        groups === null ? null : person.at,
        person.at,
        searchTextOf(person.login, person.displayName),
      ];
      const { otherLogin = null } = person;
      const account = await (otherLogin === null
        ? sql.get<Account>(signIn, values)
        : takeLogin(sql, { text: signIn, values }, otherLogin, person).then(() => byIdentity(sql, person)));
      if (account === undefined) throw new Error('the sign-in statement returned no row');
      return account;
    },
    byId: (id) => sql.get<Account>('select * from account where id = $1', [id]),
    byLogin: (login) => sql.get<Account>('select * from account where login = $1', [login]),
    after(id, limit, { domain, provider } = {}) {
      const conditions = createConditions();
      conditions.add((value) => `id > ${value}`, id);
      if (domain !== undefined) conditions.add((value) => `(domain = ${value} or domain is null)`, domain);
      if (provider !== undefined) conditions.add((value) => `provider = ${value}`, provider);
      const text = `select * from account ${conditions.where()} order by id limit ${conditions.parameter(limit)}`;
      return sql.all<Account>(text, conditions.values);
    },
    byIdentity: (issuer, subject) => byIdentity(sql, { issuer, subject }),
    freeLogin: async (id, audit) => (await runAudited(sql, { text: freeLogin, values: [id] }, audit)) === 1,
    setState: (id, { state, reason, by, at, was, saidAt, insteadOf }, audit) =>
      sql.atomic(function* () {
        const before = [was?.state ?? null, was?.state_by ?? '', insteadOf ?? null, was?.stopped_for_security ?? 0];
        const values = [id, state, reason, by, at, ...before, saidAt ?? null];
        const isShutOut = (yield { text: lockShutOut, values: [id] }) === 1;
        if ((yield { text: setState, values }) === 0) return false;
        const left = isShutOut ? countOfHeld(yield* endHeld(id, at, false)) : 0;
        yield* addRow(audit(left));
        return true;
      }),
    async confirm(id, { at, groups, undecided = [] }, audit) {
      const unknown = undecided.length === 0 ? null : JSON.stringify(undecided);
      const values = [id, at, groups === null ? null : JSON.stringify(groups), unknown];
      await runAudited(sql, { text: confirm, values }, audit);
    },
    async noteCheck(id, at) {
      await sql.run(noteCheck, [id, at]);
    },
    async forgetConfirmation(id, at) {
      await sql.run('update account set confirmed_at = null, checked_at = $2 where id = $1', [id, at]);
    },
    active: (id) => sql.get<Account>('select * from account where id = $1 and state = $2', [id, 'active']),
    due: (before, now) => sql.all<DuePerson>(due, [now, before]),
    countUnchecked: (now) => sql.all<{ provider: string; people: number }>(unchecked, [now]),
    countTeams: (now, since) => sql.all<TeamCount>(countTeams, [now, since]),
    async oldest(now, after) {
      const row = await sql.get<Awaited<ReturnType<AccountStore['oldest']>>>(oldest, [now, after]);
      return row ?? { confirmation: null, groups: null, last: null };
    },
  };
}

function byIdentity(sql: Sql, { issuer, subject }: Pick<Account, 'issuer' | 'subject'>): Promise<Account | undefined> {
  return sql.get<Account>('select * from account where issuer = $1 and subject = $2', [issuer, subject]);
}

function searchTextOf(login: string, displayName: string | null): string {
  return `${normalized(login)} ${normalized(displayName ?? '')}`.toLowerCase();
}
