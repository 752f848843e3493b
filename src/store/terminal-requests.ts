/** Owns every statement on `terminal_request` and `terminal_guess`: terminals that wait for their owner's approval. */
import { day, minute } from '../lib/time.ts';
import { lockAccount } from './accounts.ts';
import { type AuditRowOf, addRow, runAudited } from './audit-events.ts';
import { locks } from './locks.ts';
import { insertOf } from './machines.ts';
import type { NewPassword } from './passwords.ts';
import type { Sql } from './sql.ts';

/** A row of `terminal_request`; the columns are explained in `migrations/`. */
export type TerminalRequestRow = {
  readonly id: string;
  readonly device_code_hash: string;
  readonly user_code_hash: string;
  readonly network: string;
  readonly address: string;
  readonly machine: string;
  readonly client: string;
  readonly service: string;
  readonly purpose: string;
  readonly redirect_uri: string | null;
  readonly state: string | null;
  readonly code_challenge: string | null;
  readonly created_at: number;
  readonly expires_at: number;
  readonly account_id: string | null;
  readonly decided_at: number | null;
  readonly approved: number | null;
  readonly actions_json: string | null;
  readonly repositories_json: string | null;
  readonly collected_at: number | null;
  readonly password_id: string | null;
};

export type NewTerminalRequest = Omit<
  TerminalRequestRow,
  'account_id' | 'decided_at' | 'approved' | 'actions_json' | 'repositories_json' | 'collected_at' | 'password_id'
>;

export type Decision = {
  readonly accountId: string;
  readonly approved: boolean;
  readonly actions: string | null;
  readonly repositories: string | null;
  readonly at: number;
  /** The hash of an authorization code that takes the place of the device code; `null`: it stays. */
  readonly codeHash: string | null;
};

export type NewSecret = { readonly password: NewPassword & Origin; readonly machineSecretHash: string | null };
export type Origin = { readonly origin: 'terminal' | 'machine'; readonly origin_address: string };

export type TerminalRequestStore = {
  /** False, and nothing stored, where the network or all together have too many that wait. */
  insert(request: NewTerminalRequest, limits: { readonly network: number; readonly all: number }): Promise<boolean>;
  byDeviceCode(hash: string): Promise<TerminalRequestRow | undefined>;
  byUserCode(hash: string): Promise<TerminalRequestRow | undefined>;
  /** False where someone has decided already, or it has expired. */
  decide(id: string, decision: Decision, audit: AuditRowOf): Promise<boolean>;
  /**
   * Stores what an approved request brings, once.
   * @param limit of active ones of the same kind that one person can have
   * @returns `gone` where it was collected before, has expired or has ended, `full` where the person has that many; nothing is stored then
   */
  collect(
    id: string,
    secret: NewSecret,
    limit: number,
    at: number,
    audit: AuditRowOf,
  ): Promise<'stored' | 'gone' | 'full'>;
  /**
   * Gives a secret that was collected a moment ago another value, and ends what was made of the first.
   * @returns false, and nothing changed, where what it belongs to was revoked
   */
  replaceSecret(passwordId: string, secret: NewSecret, audit: AuditRowOf): Promise<boolean>;
  /** Counts a try of a code, in one step. @returns false, and nothing counted, where there were `limit` in the window */
  countTry(key: string, at: number, window: number, limit: number): Promise<boolean>;
  /** Takes a try back whose code was right. */
  forgiveTry(key: string): Promise<void>;
  removeExpired(now: number): Promise<number>;
};

const insert = `
  insert into terminal_request (id, device_code_hash, user_code_hash, network, address, machine, client, service, purpose,
                                created_at, expires_at, redirect_uri, state, code_challenge)
  select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
  where (select count(*) from terminal_request where network = $4 and expires_at > $10 and approved is null) < $15
    and (select count(*) from terminal_request where expires_at > $10 and approved is null) < $16`;

/** PostgreSQL would let those that begin at the same moment count without each other; SQLite has one writer. */
const oneAfterAnother = `select pg_advisory_xact_lock(${locks.terminalRequests})`;

const removeBegun = 'delete from terminal_request where code_challenge = $1 and approved is null';

const decide = `
  update terminal_request set account_id = $2, approved = $3, actions_json = $4, repositories_json = $5, decided_at = $6,
    device_code_hash = coalesce($7, device_code_hash)
  where id = $1 and approved is null and expires_at > $6`;

/** Milliseconds from the approval on in which it counts although the code has expired. */
export const grace = minute;

/**
 * Whether a terminal can collect what was approved for it: a device code counts until it expires (RFC 8628, section 3.5), or
 * a minute after an approval at the last moment; a code of the same device only that minute (RFC 9700, section 2.1.1).
 * @param now the parameter that says when: "$1"
 */
export function isApproved(now: string): string {
  return `(approved = 1 and collected_at is null
    and (decided_at + ${grace} >= ${now} or (redirect_uri is null and expires_at > ${now})))`;
}

const claim = `
  update terminal_request set collected_at = $2, password_id = $3
  where id = $1 and ${isApproved('$2')}
    and (select count(*) from app_password where account_id = $4 and origin = $5 and revoked_at is null
           and expires_at > $2) < $6`;

const isWaiting = `update terminal_request set approved = approved where id = $1 and ${isApproved('$2')}`;

const replacePassword = 'update app_password set hash = $2, hint = $3 where id = $1 and revoked_at is null';
const replaceMachineSecret = `
  update machine_secret set hash = $2 where password_id = $1 and generation = 1
    and exists (select 1 from app_password where id = $1 and revoked_at is null)`;
/** What is made of a secret, and lasts without it. */
const endMade = ['identity_token', 'machine_password'].map((table) => `delete from ${table} where password_id = $1`);

const countTry = `
  insert into terminal_guess (key, wrong, since) values ($1, 1, $2)
  on conflict (key) do update set
    wrong = case when terminal_guess.since <= $3 then 1 else terminal_guess.wrong + 1 end,
    since = case when terminal_guess.since <= $3 then excluded.since else terminal_guess.since end
  where terminal_guess.since <= $3 or terminal_guess.wrong < $4`;
const forgiveTry = 'update terminal_guess set wrong = wrong - 1 where key = $1 and wrong > 0';

export function createTerminalRequestStore(sql: Sql): TerminalRequestStore {
  return {
    insert(row, limits) {
      const values = [
        ...[row.id, row.device_code_hash, row.user_code_hash, row.network, row.address, row.machine, row.client],
        ...[row.service, row.purpose, row.created_at, row.expires_at, row.redirect_uri, row.state, row.code_challenge],
      ];
      return sql.atomic(function* () {
        if (sql.engine === 'postgres') yield { text: oneAfterAnother, values: [] };
        // The same sign-in, whose page was opened again.
        if (row.code_challenge !== null) yield { text: removeBegun, values: [row.code_challenge] };
        return (yield { text: insert, values: [...values, limits.network, limits.all] }) === 1;
      });
    },
    byDeviceCode: (hash) =>
      sql.get<TerminalRequestRow>('select * from terminal_request where device_code_hash = $1', [hash]),
    byUserCode: (hash) =>
      sql.get<TerminalRequestRow>('select * from terminal_request where user_code_hash = $1', [hash]),
    async decide(id, { accountId, approved, actions, repositories, at, codeHash }, audit) {
      const values = [id, accountId, approved ? 1 : 0, actions, repositories, at, codeHash];
      return (await runAudited(sql, { text: decide, values }, audit)) === 1;
    },
    collect: (id, { password, machineSecretHash }, limit, at, audit) =>
      sql.atomic(function* () {
        const { id: passwordId, account_id: accountId, origin } = password;
        // It also waits for what disables the account.
        yield { text: lockAccount, values: [accountId] };
        const claimed = yield { text: claim, values: [id, at, passwordId, accountId, origin, limit] };
        if (claimed === 0) return (yield { text: isWaiting, values: [id, at] }) === 1 ? 'full' : 'gone';
        yield* insertOf(password, machineSecretHash);
        yield* addRow(audit(claimed));
        return 'stored';
      }),
    replaceSecret: (passwordId, { password, machineSecretHash }, audit) =>
      sql.atomic(function* () {
        const replaced = yield machineSecretHash === null
          ? { text: replacePassword, values: [passwordId, password.hash, password.hint] }
          : { text: replaceMachineSecret, values: [passwordId, machineSecretHash] };
        if (replaced === 0) return false;
        for (const text of endMade) yield { text, values: [passwordId] };
        yield* addRow(audit(replaced));
        return true;
      }),
    countTry: async (key, at, window, limit) => (await sql.run(countTry, [key, at, at - window, limit])) === 1,
    async forgiveTry(key) {
      await sql.run(forgiveTry, [key]);
    },
    async removeExpired(now) {
      await sql.run('delete from terminal_guess where since <= $1', [now - day]);
      return sql.run('delete from terminal_request where expires_at <= $1', [now]);
    },
  };
}
