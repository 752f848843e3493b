/** Owns every statement on `account`: people (and later robots) who may hold app passwords. */
import type { Sql } from './sql.ts';

export type AccountState = 'active' | 'disabled';

/** A row of `account`; the columns are explained in migrations/0001_init.sql. */
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
  readonly state: AccountState;
  readonly created_at: number;
  readonly signed_in_at: number | null;
};

/** What a completed sign-in tells. `groups: null` means that the provider did not say: what was known stays. */
export type SignedIn = {
  /** Used only where the person is new. */
  readonly id: string;
  readonly provider: string;
  readonly issuer: string;
  readonly subject: string;
  readonly login: string;
  readonly email: string;
  readonly displayName: string | null;
  readonly domain: string | null;
  readonly groups: readonly string[] | null;
  readonly at: number;
};

export type AccountStore = {
  /**
   * Creates the person, or lets e-mail, name, domain and groups follow what the provider says now.
   * @throws {ConstraintError} when another account has the login already
   */
  signIn(person: SignedIn): Promise<Account>;
  byId(id: string): Promise<Account | undefined>;
  byLogin(login: string): Promise<Account | undefined>;
  /** False when there is no such account. */
  setState(id: string, state: AccountState): Promise<boolean>;
};

const signIn = `
  insert into account (id, kind, provider, issuer, subject, login, email, display_name, domain, groups_json, groups_at,
                       state, created_at, signed_in_at)
  values ($1, 'person', $2, $3, $4, $5, $6, $7, $8, coalesce($9, '[]'), $10, 'active', $11, $11)
  on conflict (issuer, subject) do update set
    provider = excluded.provider, login = excluded.login, email = excluded.email,
    display_name = excluded.display_name, domain = excluded.domain,
    groups_json = coalesce($9, account.groups_json), groups_at = coalesce($10, account.groups_at),
    signed_in_at = excluded.signed_in_at
  returning *`;

export function createAccountStore(sql: Sql): AccountStore {
  return {
    async signIn(person) {
      const groups = person.groups === null ? null : JSON.stringify(person.groups);
      const account = await sql.get<Account>(signIn, [
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
      ]);
      if (account === undefined) throw new Error('the sign-in statement returned no row');
      return account;
    },
    byId: (id) => sql.get<Account>('select * from account where id = $1', [id]),
    byLogin: (login) => sql.get<Account>('select * from account where login = $1', [login]),
    setState: async (id, state) => (await sql.run('update account set state = $2 where id = $1', [id, state])) === 1,
  };
}
