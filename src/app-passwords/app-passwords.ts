/** Owns app passwords: issue (the secret is shown once), list, revoke, verify. Pages and commands both enter here. */
import { randomBytes } from 'node:crypto';
import type { Audit, Client } from '../audit.ts';
import { Refusal } from '../errors.ts';
import type { Identity, Limits } from '../identity/identity.ts';
import { createSecret, hintOf } from '../secret.ts';
import type { Account } from '../store/accounts.ts';
import type { ListedPassword, NewPassword, PasswordStore } from '../store/passwords.ts';
import { day, hour } from '../time.ts';
import { type CheckParts, createPasswordCheck, limitsOf, type PasswordCheck, stateOf } from './check.ts';
import { createLastUses } from './last-use.ts';
import { checkDays, checkWish, type PasswordWish, type WishRules } from './wish.ts';

/** An app password as its owner and administrators see it. Times are epoch milliseconds. */
export type AppPassword = {
  readonly id: string;
  readonly accountId: string;
  /** The owner's docker user name. */
  readonly login: string;
  readonly ownerKind: Account['kind'];
  readonly name: string;
  readonly hint: string;
  readonly state: 'live' | 'expired' | 'revoked';
  readonly limits: Limits;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
  readonly revokedBy: string | null;
  /** What the administrator said who revoked it; `null` where none did. */
  readonly revocationReason: string | null;
  /** The id of the password that took over when this one got a new secret. */
  readonly replacedBy: string | null;
  /** Services where docker keeps an identity token in the place of this password. */
  readonly identityServices: readonly string[];
  readonly lastUse: { readonly at: number; readonly address: string; readonly client: string } | null;
};

export type { PasswordWish } from './wish.ts';

/** Who does it: a login or 'command line'. `client` is `null` on the command line. */
export type Actor = { readonly actor: string; readonly client: Client | null };

/** Who holds a password: a person, or a robot, whose secrets begin with `dkr_`. */
export type Owner = Pick<Account, 'id' | 'login' | 'kind'>;

/** A new secret for a password. `overlapHours` is how long the old one stays alive: 0 ends it at once. */
export type RotationWish = { readonly days: number; readonly overlapHours: number };

export type AppPasswords = PasswordCheck & {
  readonly maximumDays: number;
  readonly maximumPerAccount: number;
  /**
   * Makes a password; the secret is in this answer and nowhere else.
   * @throws {Refusal} `bad_request` for a wish that cannot be met, `conflict` at the limit or for a name in use
   */
  issue(owner: Owner, wish: PasswordWish, by: Actor): Promise<{ secret: string; password: AppPassword }>;
  /**
   * Makes a new secret for a live password; the name and the limits stay, and the old secret lives on for the overlap.
   * @param accountId as for `revoke`
   * @throws {Refusal} `bad_request`, `not_found`, or `conflict` for one that is not live or has two live secrets already
   */
  rotate(
    id: string,
    accountId: string | null,
    wish: RotationWish,
    by: Actor,
  ): Promise<{ secret: string; password: AppPassword; previous: AppPassword }>;
  /** The newest first. */
  ofAccount(owner: { readonly id: string; readonly login: string }): Promise<AppPassword[]>;
  all(): Promise<AppPassword[]>;
  /** Live ones of active accounts that end within so many days and have no successor; the next to end first. */
  expiring(days: number): Promise<AppPassword[]>;
  /** @throws {Refusal} `not_found` */
  byId(id: string): Promise<AppPassword>;
  /**
   * Counts from the next `/auth` request on; revoking twice changes nothing.
   * @param accountId only a password of this account, or any where `null`
   * @throws {Refusal} `not_found`
   */
  revoke(id: string, accountId: string | null, by: Actor): Promise<AppPassword>;
  /** Notes that a password proved `identity`; written at most every few minutes and never waited for. */
  recordUse(identity: Identity, client: Client): void;
  /** Resolves when what was noted is stored. */
  flush(): Promise<void>;
};

export type AppPasswordParts = CheckParts &
  WishRules & {
    readonly store: PasswordStore;
    readonly audit: Audit;
    /** Told of a last use that could not be written. */
    readonly onError: (error: unknown) => void;
    readonly maximumPerAccount: number;
  };

/** Hours: a month. */
const maximumOverlap = 720;

export function createAppPasswords(parts: AppPasswordParts): AppPasswords {
  const { store, audit, pepper, now } = parts;
  const uses = createLastUses(parts);

  const find = async (id: string): Promise<AppPassword> => {
    await uses.flush();
    const row = await store.byId(id);
    if (row === undefined) throw new Refusal('not_found', `There is no password ${id}. List them to see the ids.`);
    return toAppPassword(row, row, now());
  };
  const findOf = async (id: string, accountId: string | null): Promise<AppPassword> => {
    const password = await find(id);
    if (accountId === null || password.accountId === accountId) return password;
    throw new Refusal('not_found', `You have no password ${id}. Your passwords are listed on the first page.`);
  };
  const createRow = (
    owner: Owner,
    { name, limits, days }: { name: string; limits: Limits; days: number },
  ): { secret: string; row: NewPassword } => {
    const secret = createSecret(owner.kind === 'robot' ? 'dkr' : 'dkp');
    const createdAt = now();
    const row = {
      id: randomBytes(9).toString('base64url').replaceAll(/[-_]/g, '0'),
      account_id: owner.id,
      name,
      hash: pepper.hash(secret),
      pepper_id: pepper.id,
      hint: hintOf(secret),
      actions_json: limits.actions && JSON.stringify(limits.actions),
      repositories_json: limits.repositories && JSON.stringify(limits.repositories),
      created_at: createdAt,
      expires_at: createdAt + days * day,
    };
    return { secret, row };
  };
  const explainRotation = async (id: string): Promise<Refusal> => {
    const { name, state, replacedBy } = await find(id);
    const why =
      state !== 'live'
        ? `"${name}" is ${state}: create a new password`
        : replacedBy !== null
          ? `"${name}" has a new secret already: rotate that one, ${replacedBy}`
          : `The secret that "${name}" had before still works: wait until it ends, or revoke it`;
    return new Refusal('conflict', `${why}.`);
  };

  return {
    maximumDays: parts.maximumDays,
    maximumPerAccount: parts.maximumPerAccount,

    async issue(owner, wish, by) {
      const { name, repositories } = checkWish(wish, parts);
      const actions = wish.pullOnly ? ['pull'] : null;
      const limits = { actions, repositories: repositories.length > 0 ? repositories : null };
      const { secret, row } = createRow(owner, { name, limits, days: wish.days });
      if (!(await store.insert(row, parts.maximumPerAccount))) {
        throw await explainConflict(store, owner.id, name, parts.maximumPerAccount, now());
      }
      const { id, expires_at: expiresAt } = row;
      audit.record({ action: 'password.create', ...by, subject: owner.login, detail: { id, name, expiresAt, limits } });
      // What was answered is written down, whatever ends the process.
      await audit.flush();
      return { secret, password: toAppPassword({ ...row, ...unused }, owner, now()) };
    },

    async rotate(id, accountId, wish, by) {
      const old = await findOf(id, accountId);
      checkDays(wish.days, parts.maximumDays);
      checkOverlap(wish.overlapHours);
      const owner = { id: old.accountId, login: old.login, kind: old.ownerKind };
      const { secret, row } = createRow(owner, { name: old.name, limits: old.limits, days: wish.days });
      if (!(await store.rotate(id, row, now() + wish.overlapHours * hour))) throw await explainRotation(id);
      const previous = await find(id);
      const detail = { id: row.id, name: row.name, replaces: id, oldExpiresAt: previous.expiresAt };
      audit.record({ action: 'password.rotate', ...by, subject: old.login, detail });
      await audit.flush();
      return { secret, password: toAppPassword({ ...row, ...unused }, owner, now()), previous };
    },

    async ofAccount(owner) {
      await uses.flush();
      return (await store.ofAccount(owner.id)).map((row) => toAppPassword(row, row, now()));
    },
    async all() {
      await uses.flush();
      return (await store.all()).map((row) => toAppPassword(row, row, now()));
    },
    async expiring(days) {
      const until = now() + days * day;
      return (await store.expiring(now(), until)).map((row) => toAppPassword(row, row, now()));
    },
    byId: find,

    async revoke(id, accountId, by) {
      const password = await findOf(id, accountId);
      if (await store.revoke(id, by.actor, now())) {
        const detail = { id, name: password.name };
        audit.record({ action: 'password.revoke', ...by, subject: password.login, detail });
        await audit.flush();
      }
      return find(id);
    },

    ...createPasswordCheck(parts),

    recordUse(identity, client) {
      if (identity.credential !== null) uses.record(identity.credential.id, client);
    },
    flush: uses.flush,
  };
}

const unused = {
  ...{ revoked_at: null, revoked_by: null, revocation_reason: null, replaced_by: null },
  ...{ used_at: null, used_address: null, used_client: null, identity_services: null },
};

function checkOverlap(hours: number): void {
  if (Number.isInteger(hours) && hours >= 0 && hours <= maximumOverlap) return;
  const message = `Keep the old secret alive for 0 to ${maximumOverlap} hours.`;
  throw new Refusal('bad_request', message, { field: 'overlapHours' });
}

/** Which of its two conditions the insert did not meet. */
async function explainConflict(store: PasswordStore, accountId: string, name: string, limit: number, now: number) {
  const live = (await store.ofAccount(accountId)).filter((row) => stateOf(row, now) === 'live');
  return live.some((row) => row.name === name)
    ? new Refusal(
        'conflict',
        `There is a live password named "${name}" already. Choose another name, or revoke that one.`,
        { field: 'name' },
      )
    : new Refusal('conflict', `There are ${limit} live passwords, which is the limit. Revoke one that is not needed.`);
}

/** @param now epoch milliseconds */
export function toAppPassword(
  row: Omit<ListedPassword, 'login' | 'kind'>,
  owner: Pick<Owner, 'login' | 'kind'>,
  now: number,
): AppPassword {
  return {
    id: row.id,
    accountId: row.account_id,
    login: owner.login,
    ownerKind: owner.kind,
    name: row.name,
    hint: row.hint,
    state: stateOf(row, now),
    limits: limitsOf(row),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    revokedBy: row.revoked_by,
    revocationReason: row.revocation_reason === '' ? null : row.revocation_reason,
    replacedBy: row.replaced_by,
    identityServices: row.identity_services?.split(',') ?? [],
    lastUse:
      row.used_at === null ? null : { at: row.used_at, address: row.used_address ?? '', client: row.used_client ?? '' },
  };
}
