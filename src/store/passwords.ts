/** Owns every statement on `app_password`. */
import type { Account } from './accounts.ts';
import type { Sql } from './sql.ts';

/** A row of `app_password`; the columns are explained in migrations/0001_init.sql. */
export type PasswordRow = {
  readonly id: string;
  readonly account_id: string;
  readonly name: string;
  readonly hash: string;
  readonly pepper_id: string;
  readonly hint: string;
  readonly actions_json: string | null;
  readonly repositories_json: string | null;
  readonly created_at: number;
  readonly expires_at: number;
  readonly revoked_at: number | null;
  readonly revoked_by: string | null;
  readonly used_at: number | null;
  readonly used_address: string | null;
  readonly used_client: string | null;
};

export type NewPassword = Omit<PasswordRow, 'revoked_at' | 'revoked_by' | 'used_at' | 'used_address' | 'used_client'>;

/** A password with what `/auth` must know of its owner, in one row. */
export type PasswordWithOwner = PasswordRow &
  Pick<
    Account,
    | 'kind'
    | 'provider'
    | 'login'
    | 'email'
    | 'domain'
    | 'groups_json'
    | 'groups_at'
    | 'state'
    | 'state_reason'
    | 'state_at'
    | 'confirmed_at'
  >;

/** A password and the login of its owner, for lists over all accounts. */
export type PasswordWithLogin = PasswordRow & Pick<Account, 'login'>;

export type PasswordStore = {
  /** False, and nothing stored, when the account holds `limit` live passwords or a live one of this name. */
  insert(password: NewPassword, limit: number): Promise<boolean>;
  byHash(hash: string): Promise<PasswordWithOwner | undefined>;
  byId(id: string): Promise<PasswordWithLogin | undefined>;
  ofAccount(accountId: string): Promise<PasswordRow[]>;
  all(): Promise<PasswordWithLogin[]>;
  /** The pepper of some live password; `undefined` where there is none. */
  pepperInUse(now: number): Promise<string | undefined>;
  /** False when it is not there or was revoked before. */
  revoke(id: string, by: string, at: number): Promise<boolean>;
  /** All that are live; returns how many. */
  revokeOfAccount(accountId: string, by: string, at: number): Promise<number>;
  /** Writes last uses, except where one less than `interval` milliseconds before is recorded already. */
  recordUses(
    uses: readonly { readonly id: string; readonly at: number; readonly address: string; readonly client: string }[],
    interval: number,
  ): Promise<void>;
};

/** Queues those who create passwords for one account, so that each counts what the one before it made. */
const lockAccount = 'update account set state = state where id = $1';

const insert = `
  insert into app_password (id, account_id, name, hash, pepper_id, hint, actions_json, repositories_json,
                            created_at, expires_at)
  select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
  where (select count(*) from app_password
         where account_id = $2 and revoked_at is null and expires_at > $9) < $11
    and not exists (select 1 from app_password
                    where account_id = $2 and name = $3 and revoked_at is null and expires_at > $9)`;

/**
 * On the path of each `/auth` request. The cast looks idle: without it SQLite plans a join anew for each value that is
 * bound (STAT4 without the query planner stability guarantee, which better-sqlite3 cannot switch on), and that costs
 * five times what the lookup does.
 */
const byHash = `
  select p.*, a.kind, a.provider, a.login, a.email, a.domain, a.groups_json, a.groups_at, a.state, a.state_reason,
         a.state_at, a.confirmed_at
  from app_password p join account a on a.id = p.account_id
  where p.hash = cast($1 as text)`;

const withLogin = 'select p.*, a.login from app_password p join account a on a.id = p.account_id';

const revokeOfAccount = `
  update app_password set revoked_at = $3, revoked_by = $2
  where account_id = $1 and revoked_at is null and expires_at > $3`;

const recordUse = `
  update app_password set used_at = $2, used_address = $3, used_client = $4
  where id = $1 and (used_at is null or used_at <= $5)`;

export function createPasswordStore(sql: Sql): PasswordStore {
  return {
    async insert(password, limit) {
      const [, inserted] = await sql.batch([
        { text: lockAccount, values: [password.account_id] },
        {
          text: insert,
          values: [
            password.id,
            password.account_id,
            password.name,
            password.hash,
            password.pepper_id,
            password.hint,
            password.actions_json,
            password.repositories_json,
            password.created_at,
            password.expires_at,
            limit,
          ],
        },
      ]);
      return inserted === 1;
    },
    byHash: (hash) => sql.get<PasswordWithOwner>(byHash, [hash]),
    async pepperInUse(now) {
      const live = 'select pepper_id from app_password where revoked_at is null and expires_at > $1 limit 1';
      return (await sql.get<{ pepper_id: string }>(live, [now]))?.pepper_id;
    },
    byId: (id) => sql.get<PasswordWithLogin>(`${withLogin} where p.id = $1`, [id]),
    ofAccount: (accountId) =>
      sql.all<PasswordRow>('select * from app_password where account_id = $1 order by created_at desc, id', [
        accountId,
      ]),
    all: () => sql.all<PasswordWithLogin>(`${withLogin} order by a.login, p.created_at desc, p.id`),
    revoke: async (id, by, at) =>
      (await sql.run('update app_password set revoked_at = $3, revoked_by = $2 where id = $1 and revoked_at is null', [
        id,
        by,
        at,
      ])) === 1,
    revokeOfAccount: (accountId, by, at) => sql.run(revokeOfAccount, [accountId, by, at]),
    async recordUses(uses, interval) {
      await sql.batch(
        uses.map(({ id, at, address, client }) => ({
          text: recordUse,
          values: [id, at, address, client, at - interval],
        })),
      );
    },
  };
}
