/** Owns every statement on `app_password`. */
import { type Account, lockAccount, lockActive } from './accounts.ts';
import { type AuditRowOf, addRow, runAudited } from './audit-events.ts';
import { createKeyLookup } from './key-lookup.ts';
import type { Sql, Steps, Value } from './sql.ts';

/** A row of `app_password`; the columns are explained in `migrations/`. */
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
  readonly replaced_by: string | null;
  /** These are of robots' passwords alone: app-passwords/maker.ts. */
  readonly maker_id: string | null;
  readonly maker_kind: 'person' | 'administrator' | null;
  /** 'terminal': a login from a terminal brought it. 'machine': no password, but a machine that makes some. `null`: others. */
  readonly origin: string | null;
  readonly origin_address: string | null;
};

/** The `pepper_id` of a bcrypt hash that came from docker_auth: no pepper made it, and its first use replaces it. */
export const bcryptMark = 'bcrypt';

type MakerColumns = Pick<PasswordRow, 'maker_id' | 'maker_kind'>;

export type NewPassword = Omit<
  PasswordRow,
  | 'revoked_at'
  | 'revoked_by'
  | 'used_at'
  | 'used_address'
  | 'used_client'
  | 'replaced_by'
  | 'origin'
  | 'origin_address'
  | keyof MakerColumns
> &
  Partial<MakerColumns>;

type WithReason = {
  /** What the administrator said who revoked it; `null` where none did. */
  readonly revocation_reason: string | null;
};

/** A password with what `/auth` must know of its owner, in one row. */
export type PasswordWithOwner = PasswordRow &
  Pick<
    Account,
    | 'kind'
    | 'provider'
    | 'issuer'
    | 'login'
    | 'email'
    | 'domain'
    | 'groups_json'
    | 'groups_at'
    | 'undecided_groups_json'
    | 'state'
    | 'state_reason'
    | 'state_at'
    | 'confirmed_at'
    | 'signed_in_at'
    | 'labels_json'
  >;

/** A password as lists show it. */
export type ListedPassword = PasswordRow &
  WithReason &
  Pick<Account, 'login' | 'kind'> & {
    /** Comma-separated; `null` where docker keeps no identity token of it. */
    readonly identity_services: string | null;
    /** Of the maker's account; `null` where there is none. */
    readonly maker_login: string | null;
    readonly maker_state: Account['state'] | null;
    readonly maker_state_at: number | null;
    readonly maker_stopped_for_security: number | null;
    readonly maker_confirmed_at: number | null;
    readonly maker_signed_in_at: number | null;
  };

export type PasswordCounts = {
  readonly active: number;
  readonly expired: number;
  readonly revoked: number;
};

export type PasswordStore = {
  /**
   * False, and nothing stored, when the account is gone, holds `limit` active passwords or a live one of this name, or where
   * the maker's account doesn't work.
   */
  insert(password: NewPassword, limit: number, audit: AuditRowOf): Promise<boolean>;
  /**
   * Revokes a password for good and stores another in its place, whatever the limit.
   * @returns false, and nothing changed, unless the old one is live and no other live one of the account has the new one's name
   */
  replace(
    old: { readonly id: string; readonly by: string },
    successor: NewPassword,
    audit: { readonly revoked: AuditRowOf; readonly inserted: AuditRowOf },
  ): Promise<boolean>;
  byHash(hash: string): Promise<PasswordWithOwner | undefined>;
  withOwner(id: string): Promise<PasswordWithOwner | undefined>;
  /** Those whose hash is bcrypt's still, whatever their state: the active ones first, then the newest; at most `limit`. */
  bcryptOf(login: string, now: number, limit: number): Promise<PasswordWithOwner[]>;
  /** How many such passwords, of whatever state, the person has who has most of them. */
  mostBcrypt(): Promise<number>;
  /** Puts a keyed hash in the place of bcrypt's; nothing happens where that was done before. */
  replaceBcrypt(id: string, hash: string, pepperId: string, hint: string): Promise<void>;
  counts(now: number): Promise<PasswordCounts>;
  /** Live ones of active accounts, without a successor, that end after `from` and by `until`. */
  countExpiring(from: number, until: number): Promise<number>;
  /** The pepper of some active password; `undefined` if there is none. */
  pepperInUse(now: number): Promise<string | undefined>;
  byId(id: string): Promise<ListedPassword | undefined>;
  ofAccount(accountId: string): Promise<ListedPassword[]>;
  all(): Promise<ListedPassword[]>;
  /** Live ones of robots that this account made. */
  madeBy(accountId: string, now: number): Promise<ListedPassword[]>;
  /** Live ones of all robots. */
  ofRobots(now: number): Promise<ListedPassword[]>;
  /**
   * Makes an administrator the maker of a robot's password whose maker is unknown. False where it's known.
   * @param accountId `null` for the command line
   */
  confirmMaker(id: string, accountId: string | null, audit: AuditRowOf): Promise<boolean>;
  /** Live ones of active accounts that end before `until`, the next to end first. */
  expiring(now: number, until: number): Promise<ListedPassword[]>;
  /**
   * Stores the successor and ends the old one at `oldUntil` at the latest.
   * @returns false, and nothing changed, unless the old one is live, has no successor, no predecessor of it is still live, and
   *   the account of the successor's maker works
   */
  rotate(oldId: string, successor: NewPassword, oldUntil: number, audit: AuditRowOf): Promise<boolean>;
  /**
   * Revokes for good: takes it out of any revocation by an administrator, so that no undo brings it back. False when it isn't
   * there, or was revoked for good before.
   */
  revoke(id: string, by: string, at: number, audit: AuditRowOf): Promise<boolean>;
  /** Writes last uses, except where one less than `interval` milliseconds before is recorded already. */
  recordUses(
    uses: readonly { readonly id: string; readonly at: number; readonly address: string; readonly client: string }[],
    interval: number,
  ): Promise<void>;
};

const insert = `
  insert into app_password (id, account_id, name, hash, pepper_id, hint, actions_json, repositories_json,
                            created_at, expires_at, maker_id, maker_kind)
  select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
  where (select count(*) from app_password
         where account_id = $2 and revoked_at is null and expires_at > $9 and replaced_by is null and origin is null) < $13
    and not exists (select 1 from app_password
                    where account_id = $2 and name = $3 and revoked_at is null and expires_at > $9 and origin is null)`;

const insertInPlaceOf = `
  insert into app_password (id, account_id, name, hash, pepper_id, hint, actions_json, repositories_json,
                            created_at, expires_at, maker_id, maker_kind)
  select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
  where exists (select 1 from app_password where id = $13 and account_id = $2 and revoked_at is null and expires_at > $9)
    and not exists (select 1 from app_password
                    where account_id = $2 and name = $3 and id <> $13 and revoked_at is null and expires_at > $9
                      and origin is null)`;

/** The limit is not asked: the successor takes the place of the old one. */
const insertSuccessor = `
  insert into app_password (id, account_id, name, hash, pepper_id, hint, actions_json, repositories_json,
                            created_at, expires_at, maker_id, maker_kind)
  select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
  where exists (select 1 from app_password
                where id = $13 and revoked_at is null and expires_at > $9 and replaced_by is null)
    and not exists (select 1 from app_password where replaced_by = $13 and revoked_at is null and expires_at > $9)`;

const retire = `
  update app_password set replaced_by = $2, expires_at = case when expires_at < $3 then expires_at else $3 end
  where id = $1 and replaced_by is null and exists (select 1 from app_password where id = $2)`;

/**
 * On the path of each `/auth` request. The cast looks idle: without it SQLite plans a join again for each value that is
 * bound (STAT4 without the query planner stability guarantee, which better-sqlite3 cannot switch on), and that costs
 * five times what the lookup does.
 */
const withOwner = `
  select p.*, a.kind, a.provider, a.issuer, a.login, a.email, a.domain, a.groups_json, a.groups_at, a.undecided_groups_json, a.state, a.state_reason,
         a.state_at, a.confirmed_at, a.signed_in_at, a.labels_json
  from app_password p join account a on a.id = p.account_id`;
const withOwnerById = `${withOwner} where p.id = cast($1 as text)`;

const bcryptOf = `${withOwner}
  where a.login = $1 and p.pepper_id = '${bcryptMark}'
  order by case when p.revoked_at is null and p.expires_at > $2 then 0 else 1 end, p.created_at desc, p.id limit $3`;
const mostBcrypt = `
  select coalesce(max(count), 0) as count
  from (select count(*) as count from app_password where pepper_id = '${bcryptMark}' group by account_id) as by_account`;
const replaceBcrypt = `
  update app_password set hash = $2, pepper_id = $3, hint = $4 where id = $1 and pepper_id = '${bcryptMark}'`;

/** Of the maker's account `m`, as lists show it. */
export const makerColumns = `
  m.login as maker_login, m.state as maker_state, m.state_at as maker_state_at,
  m.stopped_for_security as maker_stopped_for_security, m.confirmed_at as maker_confirmed_at,
  m.signed_in_at as maker_signed_in_at`;
export const withReason = `
  select p.*, a.login, a.kind, r.reason as revocation_reason,
         (select string_agg(t.service, ',' order by t.service) from identity_token t
          where t.password_id = p.id) as identity_services,
         ${makerColumns}
  from app_password p join account a on a.id = p.account_id left join revocation r on r.id = p.revocation_id
  left join account m on m.id = p.maker_id`;
const byId = `${withReason} where p.id = $1`;
const ofAccount = `${withReason} where p.account_id = $1 order by p.created_at desc, p.id`;
const all = `${withReason} order by a.login, p.created_at desc, p.id`;
/** Without logins of terminals, which always end soon. */
const endsWithin = `p.expires_at > $1 and p.expires_at <= $2 and p.revoked_at is null and p.replaced_by is null
  and coalesce(p.origin, '') <> 'terminal'
  and a.state = 'active'`;
const madeBy = `${withReason} where p.maker_id = $1 and p.revoked_at is null and p.expires_at > $2 order by a.login, p.name`;
const ofRobots = `${withReason} where a.kind = 'robot' and p.revoked_at is null and p.expires_at > $1 order by a.login, p.name`;
const confirmMaker = `
  update app_password set maker_kind = 'administrator', maker_id = $2 where id = $1 and maker_kind is null
    and account_id in (select id from account where kind = 'robot')`;
const expiring = `${withReason} where ${endsWithin} order by p.expires_at, p.id`;
const countExpiring = `
  select count(*) as count from app_password p join account a on a.id = p.account_id where ${endsWithin}`;

const revoke = `
  update app_password set revoked_at = coalesce(revoked_at, $3), revoked_by = $2, revocation_id = null
  where id = $1 and (revoked_at is null or revocation_id is not null)`;

/** Each is read off an index alone; one statement with all the cases takes five times as long. */
const counts = {
  all: 'select count(*) as count from app_password',
  active: 'select count(*) as count from app_password where expires_at > $1 and revoked_at is null',
  expired: 'select count(*) as count from app_password where expires_at <= $1 and revoked_at is null',
};

const recordUse = `
  update app_password set used_at = $2, used_address = $3, used_client = $4
  where id = $1 and (used_at is null or used_at <= $5)`;

export function createPasswordStore(sql: Sql): PasswordStore {
  const count = async (text: string, ...values: Value[]): Promise<number> =>
    (await sql.get<{ count: number }>(text, values))?.count ?? 0;
  return {
    insert: (password, limit, audit) =>
      sql.atomic(function* () {
        if (!(yield* lockMaker(password))) return false;
        if ((yield { text: lockAccount, values: [password.account_id] }) === 0) return false;
        const inserted = yield { text: insert, values: [...valuesOf(password), limit] };
        if (inserted === 1) yield* addRow(audit(inserted));
        return inserted === 1;
      }),
    replace: (old, successor, audit) =>
      sql.atomic(function* () {
        yield { text: lockAccount, values: [successor.account_id] };
        const inserted = yield { text: insertInPlaceOf, values: [...valuesOf(successor), old.id] };
        if (inserted === 0) return false;
        const revoked = yield { text: revoke, values: [old.id, old.by, successor.created_at] };
        yield* addRow(audit.revoked(revoked));
        yield* addRow(audit.inserted(inserted));
        return true;
      }),
    byHash: createKeyLookup<PasswordWithOwner>(sql, withOwner, 'p.hash', ({ hash }) => hash),
    withOwner: (id) => sql.get<PasswordWithOwner>(withOwnerById, [id]),
    bcryptOf: (login, now, limit) => sql.all<PasswordWithOwner>(bcryptOf, [login, now, limit]),
    mostBcrypt: () => count(mostBcrypt),
    async replaceBcrypt(id, hash, pepperId, hint) {
      await sql.run(replaceBcrypt, [id, hash, pepperId, hint]);
    },
    async counts(now) {
      const [all, active, expired] = await Promise.all([
        count(counts.all),
        count(counts.active, now),
        count(counts.expired, now),
      ]);
      return { active, expired, revoked: Math.max(0, all - active - expired) };
    },
    countExpiring: (from, until) => count(countExpiring, from, until),
    async pepperInUse(now) {
      const live = `
        select pepper_id from app_password
        where revoked_at is null and expires_at > $1 and pepper_id <> '${bcryptMark}' limit 1`;
      return (await sql.get<{ pepper_id: string }>(live, [now]))?.pepper_id;
    },
    byId: (id) => sql.get<ListedPassword>(byId, [id]),
    ofAccount: (accountId) => sql.all<ListedPassword>(ofAccount, [accountId]),
    all: () => sql.all<ListedPassword>(all),
    madeBy: (accountId, now) => sql.all<ListedPassword>(madeBy, [accountId, now]),
    ofRobots: (now) => sql.all<ListedPassword>(ofRobots, [now]),
    confirmMaker: async (id, accountId, audit) =>
      (await runAudited(sql, { text: confirmMaker, values: [id, accountId] }, audit)) === 1,
    expiring: (now, until) => sql.all<ListedPassword>(expiring, [now, until]),
    rotate: (oldId, successor, oldUntil, audit) =>
      sql.atomic(function* () {
        if (!(yield* lockMaker(successor))) return false;
        yield { text: lockAccount, values: [successor.account_id] };
        const inserted = yield { text: insertSuccessor, values: [...valuesOf(successor), oldId] };
        if (inserted === 0) return false;
        yield { text: retire, values: [oldId, successor.id, oldUntil] };
        yield* addRow(audit(inserted));
        return true;
      }),
    revoke: async (id, by, at, audit) => (await runAudited(sql, { text: revoke, values: [id, by, at] }, audit)) === 1,
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

/** @returns whether there's no maker, or one whose account works until the transaction ends */
function* lockMaker({ maker_id: maker = null }: NewPassword): Steps<boolean> {
  return maker === null || (yield { text: lockActive, values: [maker] }) === 1;
}

/** In the order of the columns of the inserts. */
function valuesOf(password: NewPassword): Value[] {
  return [
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
    password.maker_id ?? null,
    password.maker_kind ?? null,
  ];
}
