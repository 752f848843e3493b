/** Owns every statement on `machine_secret` and `machine_password`: what a credential helper holds of a machine. */
import { hour } from '../lib/time.ts';
import type { NewPassword } from './passwords.ts';
import type { Sql, Steps } from './sql.ts';

/** A refresh secret of a machine, with its machine's row of `app_password` in short. */
export type MachineSecretRow = {
  readonly hash: string;
  readonly password_id: string;
  readonly generation: number;
  readonly created_at: number;
  readonly used_at: number | null;
  /** Of the machine. */
  readonly owner_hash: string;
  readonly name: string;
  readonly expires_at: number;
  readonly account_id: string;
  readonly login: string;
  /** The newest secret of the machine. */
  readonly newest: number;
  readonly newest_at: number;
  readonly newest_used_at: number | null;
};

export type MachinePasswordRow = {
  readonly hash: string;
  readonly ends_at: number;
  /** Of the machine: its row of `app_password` decides what the password can do. */
  readonly owner_hash: string;
};

export type MachineStore = {
  secretByHash(hash: string): Promise<MachineSecretRow | undefined>;
  /** The next generation; nothing happens where another request was first. */
  rotate(passwordId: string, generation: number, hash: string, at: number): Promise<void>;
  /**
   * A password of a secret, whose use is noted, exact to an hour; beyond `limit` of one machine the oldest go.
   * @returns false, and nothing stored, where the secret isn't there any more
   */
  addPassword(
    secret: Pick<MachineSecretRow, 'hash' | 'password_id'>,
    password: Pick<MachinePasswordRow, 'hash' | 'ends_at'>,
    at: number,
    limit: number,
  ): Promise<boolean>;
  passwordByHash(hash: string): Promise<MachinePasswordRow | undefined>;
  /** Passwords that ended before, at most `limit`. */
  removeEnded(before: number, limit: number): Promise<number>;
  /** Logins of terminals and machines that expired before, with all that refers to them; at most `limit`. */
  removeExpired(before: number, limit: number): Promise<number>;
};

const secretByHash = `
  select s.hash, s.password_id, s.generation, s.created_at, s.used_at, p.hash as owner_hash, p.name, p.expires_at,
         p.account_id, a.login, n.generation as newest, n.created_at as newest_at, n.used_at as newest_used_at
  from machine_secret s
  join app_password p on p.id = s.password_id
  join account a on a.id = p.account_id
  join machine_secret n on n.password_id = s.password_id
    and n.generation = (select max(generation) from machine_secret where password_id = s.password_id)
  where s.hash = $1`;

const passwordByHash = `
  select m.hash, m.ends_at, p.hash as owner_hash
  from machine_password m join app_password p on p.id = m.password_id where m.hash = $1`;

/** It waits for what replaces the secret, which ends the passwords of the first. */
const noteUse = `
  update machine_secret set used_at = case when coalesce(used_at, 0) <= $3 then $2 else used_at end where hash = $1`;
const addPassword = 'insert into machine_password (hash, password_id, created_at, ends_at) values ($1, $2, $3, $4)';

const trim = `
  delete from machine_password where password_id = $1 and hash not in (
    select hash from machine_password where password_id = $1 order by created_at desc, hash limit $2)`;

const removeEnded = `
  delete from machine_password where hash in (
    select hash from machine_password where ends_at <= $1 order by ends_at limit $2)`;

const expired = `
  select id from app_password where origin in ('terminal', 'machine') and expires_at <= $1 order by expires_at, id limit $2`;
const referring = ['identity_token', 'password_use', 'revocation_also', 'machine_secret', 'machine_password'];
const removeReferring = referring.map((table) => `delete from ${table} where password_id in (${expired})`);
const removeExpired = `delete from app_password where id in (${expired})`;

const addSecret = `
  insert into machine_secret (hash, password_id, generation, created_at) values ($1, $2, $3, $4)
  on conflict do nothing`;

const insertPassword = `
  insert into app_password (id, account_id, name, hash, pepper_id, hint, actions_json, repositories_json, created_at,
                            expires_at, origin, origin_address)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`;

/** Steps of a transaction: a password of a terminal, or a machine with its first secret. */
export function* insertOf(
  row: NewPassword & { readonly origin: string; readonly origin_address: string },
  machineSecretHash: string | null,
): Steps<void> {
  const values = [
    ...[row.id, row.account_id, row.name, row.hash, row.pepper_id, row.hint, row.actions_json, row.repositories_json],
    ...[row.created_at, row.expires_at, row.origin, row.origin_address],
  ];
  yield { text: insertPassword, values };
  if (machineSecretHash !== null) yield { text: addSecret, values: [machineSecretHash, row.id, 1, row.created_at] };
}

export function createMachineStore(sql: Sql): MachineStore {
  return {
    secretByHash: (hash) => sql.get<MachineSecretRow>(secretByHash, [hash]),
    async rotate(passwordId, generation, hash, at) {
      await sql.run(addSecret, [hash, passwordId, generation, at]);
    },
    addPassword: ({ hash: secretHash, password_id: passwordId }, { hash, ends_at }, at, limit) =>
      sql.atomic(function* () {
        if ((yield { text: noteUse, values: [secretHash, at, at - hour] }) === 0) return false;
        yield { text: addPassword, values: [hash, passwordId, at, ends_at] };
        yield { text: trim, values: [passwordId, limit] };
        return true;
      }),
    passwordByHash: (hash) => sql.get<MachinePasswordRow>(passwordByHash, [hash]),
    async removeExpired(before, limit) {
      const values = [before, limit];
      const removed = await sql.batch([...removeReferring, removeExpired].map((text) => ({ text, values })));
      return removed.at(-1) ?? 0;
    },
    removeEnded: (before, limit) => sql.run(removeEnded, [before, limit]),
  };
}
