/** Owns every statement on `web_session`. */
import { type AuditRowOf, addRow } from './audit-events.ts';
import { forgetApprovals, forgetApprovalsOfProviderSession } from './held.ts';
import type { Sql, Statement } from './sql.ts';

/** `data` is express-session's JSON. */
export type SessionRow = { readonly data: string; readonly expires_at: number };

/**
 * How many ended. `approvals`: of terminals that hadn't collected their password. Nothing says in which session one was approved,
 * so all of the person's end.
 */
export type Ended = { readonly sessions: number; readonly approvals: number };

export type SessionStore = {
  /** A session that has not expired. */
  read(id: string, now: number): Promise<SessionRow | undefined>;
  /** Creates, or replaces what this request created before. */
  write(
    id: string,
    session: { accountId: string | null; providerSession?: string | null; data: string; expiresAt: number },
  ): Promise<void>;
  /** Replaces the data of a session that is still there: one that ended meanwhile does not come back. */
  change(id: string, session: { data: string; expiresAt: number }): Promise<void>;
  extend(id: string, expiresAt: number): Promise<void>;
  /** What its owner approved for terminals stays. */
  remove(id: string): Promise<void>;
  /** Those that have not expired. */
  ofAccount(accountId: string, now: number): Promise<(SessionRow & { readonly id: string })[]>;
  /** One of an account. @returns how many: 0, and nothing changed, where it has ended already */
  removeOneOf(accountId: string, id: string, audit: AuditRowOf<Ended>): Promise<number>;
  /** @returns how many sessions */
  removeOfAccount(accountId: string, audit: AuditRowOf<Ended>): Promise<number>;
  /**
   * Those that began with this session of the provider, of one account unless that is `null`.
   * @returns how many sessions
   */
  removeOfProviderSession(providerSession: string, accountId: string | null, audit: AuditRowOf<Ended>): Promise<number>;
  removeExpired(now: number): Promise<number>;
};

const write = `
  insert into web_session (id, account_id, provider_session, data, expires_at) values ($1, $2, $3, $4, $5)
  on conflict (id) do update set account_id = excluded.account_id, provider_session = excluded.provider_session,
    data = excluded.data, expires_at = excluded.expires_at`;

const removeOneOf = 'delete from web_session where account_id = $1 and id = $2';
const removeOfAccount = 'delete from web_session where account_id = $1';
const removeOfProviderSession = `
  delete from web_session
  where provider_session = $1 and (cast($2 as text) is null or account_id = $2)`;

const ofAccount =
  'select id, data, expires_at from web_session where account_id = $1 and expires_at > $2 order by expires_at desc, id';

const read = 'select data, expires_at from web_session where id = $1 and expires_at > $2';

export function createSessionStore(sql: Sql): SessionStore {
  const end = (approvals: Statement, sessions: Statement, audit: AuditRowOf<Ended>) =>
    sql.atomic(function* () {
      // They're found by the sessions.
      const ended = { approvals: yield approvals, sessions: yield sessions };
      if (ended.sessions + ended.approvals > 0) yield* addRow(audit(ended));
      return ended.sessions;
    });
  return {
    read: (id, now) => sql.get<SessionRow>(read, [id, now]),
    async write(id, session) {
      await sql.run(write, [id, session.accountId, session.providerSession ?? null, session.data, session.expiresAt]);
    },
    async change(id, { data, expiresAt }) {
      await sql.run('update web_session set data = $2, expires_at = $3 where id = $1', [id, data, expiresAt]);
    },
    async extend(id, expiresAt) {
      await sql.run('update web_session set expires_at = $2 where id = $1', [id, expiresAt]);
    },
    async remove(id) {
      await sql.run('delete from web_session where id = $1', [id]);
    },
    ofAccount: (accountId, now) => sql.all<SessionRow & { id: string }>(ofAccount, [accountId, now]),
    removeOneOf: (accountId, id, audit) =>
      sql.atomic(function* () {
        const sessions = yield { text: removeOneOf, values: [accountId, id] };
        if (sessions === 0) return 0;
        const approvals = yield { text: forgetApprovals, values: [accountId] };
        yield* addRow(audit({ sessions, approvals }));
        return sessions;
      }),
    removeOfAccount: (accountId, audit) =>
      end({ text: forgetApprovals, values: [accountId] }, { text: removeOfAccount, values: [accountId] }, audit),
    removeOfProviderSession: (id, accountId, audit) => {
      const values = [id, accountId];
      return end({ text: forgetApprovalsOfProviderSession, values }, { text: removeOfProviderSession, values }, audit);
    },
    removeExpired: (now) => sql.run('delete from web_session where expires_at <= $1', [now]),
  };
}
