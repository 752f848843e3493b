/** Owns every statement on `terminal_request` and `terminal_guess`: terminals that wait for their owner's approval. */
import { type AuditRowOf, addRow, runAudited } from './audit-events.ts';
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
   * @returns false, and nothing stored, where it was collected before or the person has that many
   */
  collect(id: string, secret: NewSecret, limit: number, at: number, audit: AuditRowOf): Promise<boolean>;
  /** Gives a secret that was collected a moment ago another value: the first answer may have been lost. */
  replaceSecret(passwordId: string, secret: NewSecret): Promise<void>;
  /** Notes a wrong code. @returns how many there were since the window began */
  countGuess(key: string, at: number, window: number): Promise<number>;
  guesses(key: string, at: number, window: number): Promise<number>;
  removeExpired(now: number): Promise<number>;
};

const insert = `
  insert into terminal_request (id, device_code_hash, user_code_hash, network, address, machine, client, service, purpose,
                                created_at, expires_at, redirect_uri, state, code_challenge)
  select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
  where (select count(*) from terminal_request where network = $4 and expires_at > $10 and approved is null) < $15
    and (select count(*) from terminal_request where expires_at > $10 and approved is null) < $16`;

const removeBegun = 'delete from terminal_request where code_challenge = $1 and approved is null';

const decide = `
  update terminal_request set account_id = $2, approved = $3, actions_json = $4, repositories_json = $5, decided_at = $6,
    device_code_hash = coalesce($7, device_code_hash)
  where id = $1 and approved is null and expires_at > $6`;

const claim = `
  update terminal_request set collected_at = $2, password_id = $3
  where id = $1 and approved = 1 and collected_at is null
    and (select count(*) from app_password where account_id = $4 and origin = $5 and revoked_at is null
           and expires_at > $2) < $6`;

const countGuess = `
  insert into terminal_guess (key, wrong, since) values ($1, 1, $2)
  on conflict (key) do update set
    wrong = case when terminal_guess.since <= $3 then 1 else terminal_guess.wrong + 1 end,
    since = case when terminal_guess.since <= $3 then excluded.since else terminal_guess.since end`;

export function createTerminalRequestStore(sql: Sql): TerminalRequestStore {
  const guesses = async (key: string, at: number, window: number): Promise<number> => {
    const row = await sql.get<{ wrong: number }>('select wrong from terminal_guess where key = $1 and since > $2', [
      key,
      at - window,
    ]);
    return row?.wrong ?? 0;
  };
  return {
    async insert(row, limits) {
      // The same sign-in, whose page was opened again.
      if (row.code_challenge !== null) await sql.run(removeBegun, [row.code_challenge]);
      const values = [
        ...[row.id, row.device_code_hash, row.user_code_hash, row.network, row.address, row.machine, row.client],
        ...[row.service, row.purpose, row.created_at, row.expires_at, row.redirect_uri, row.state, row.code_challenge],
      ];
      return (await sql.run(insert, [...values, limits.network, limits.all])) === 1;
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
        const claimed = yield {
          text: claim,
          values: [id, at, password.id, password.account_id, password.origin, limit],
        };
        if (claimed === 0) return false;
        yield* insertOf(password, machineSecretHash);
        yield* addRow(audit(claimed));
        return true;
      }),
    async replaceSecret(passwordId, { password, machineSecretHash }) {
      const statement =
        machineSecretHash === null
          ? {
              text: 'update app_password set hash = $2, hint = $3 where id = $1 and revoked_at is null',
              values: [passwordId, password.hash, password.hint],
            }
          : {
              text: 'update machine_secret set hash = $2 where password_id = $1 and generation = 1 and used_at is null',
              values: [passwordId, machineSecretHash],
            };
      await sql.run(statement.text, statement.values);
    },
    async countGuess(key, at, window) {
      await sql.run(countGuess, [key, at, at - window]);
      return guesses(key, at, window);
    },
    guesses,
    async removeExpired(now) {
      await sql.run('delete from terminal_guess where since <= $1', [now - 86_400_000]);
      return sql.run('delete from terminal_request where expires_at <= $1', [now]);
    },
  };
}
