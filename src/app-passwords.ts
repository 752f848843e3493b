/** Owns app passwords: issue (the secret is shown once), list, revoke, verify. Pages and commands both enter here. */
import { randomBytes } from 'node:crypto';
import type { Audit, Client } from './audit.ts';
import { Refusal } from './errors.ts';
import { type Authenticator, type Credentials, foldCase, type Identity, type Limits } from './identity/identity.ts';
import { type Patience, type Standing, standingOf, toldGroups } from './identity/standing.ts';
import { createLastUses } from './last-use.ts';
import { createSecret, equalHashes, hasValidChecksum, hintOf, looksLikeSecret, type Pepper } from './secret.ts';
import type { PasswordRow, PasswordStore, PasswordWithOwner } from './store/passwords.ts';

/** An app password as its owner and administrators see it. Times are epoch milliseconds. */
export type AppPassword = {
  readonly id: string;
  readonly accountId: string;
  /** The owner's docker user name. */
  readonly login: string;
  readonly name: string;
  readonly hint: string;
  readonly state: 'live' | 'expired' | 'revoked';
  readonly limits: Limits;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly revokedAt: number | null;
  readonly revokedBy: string | null;
  readonly lastUse: { readonly at: number; readonly address: string; readonly client: string } | null;
};

/** What somebody asks for when they create a password. `repositories` empty: not narrowed. */
export type PasswordWish = {
  readonly name: string;
  readonly days: number;
  readonly pullOnly: boolean;
  readonly repositories: readonly string[];
};

/** Who does it: a login or 'command line'. `client` is `null` on the command line. */
export type Actor = { readonly actor: string; readonly client: Client | null };

export type AppPasswords = {
  readonly maximumDays: number;
  readonly maximumPerAccount: number;
  /**
   * Makes a password; the secret is in this answer and nowhere else.
   * @throws {Refusal} `bad_request` for a wish that cannot be met, `conflict` at the limit or for a name in use
   */
  issue(
    owner: { readonly id: string; readonly login: string },
    wish: PasswordWish,
    by: Actor,
  ): Promise<{ secret: string; password: AppPassword }>;
  /** The newest first. */
  ofAccount(owner: { readonly id: string; readonly login: string }): Promise<AppPassword[]>;
  all(): Promise<AppPassword[]>;
  /** @throws {Refusal} `not_found` */
  byId(id: string): Promise<AppPassword>;
  /**
   * Counts from the next `/auth` request on; revoking twice changes nothing.
   * @param accountId only a password of this account, or any where `null`
   * @throws {Refusal} `not_found`
   */
  revoke(id: string, accountId: string | null, by: Actor): Promise<AppPassword>;
  readonly authenticator: Authenticator;
  /** What the password with this hash proves, for what was made from it. @throws {Refusal} as `verify` does */
  identityByHash(hash: string): Promise<Identity | null>;
  /** Notes that a password proved `identity`; written at most every few minutes and never waited for. */
  recordUse(identity: Identity, client: Client): void;
  /** Resolves when what was noted is stored. */
  flush(): Promise<void>;
};

export type AppPasswordParts = {
  readonly store: PasswordStore;
  readonly audit: Audit;
  readonly pepper: Pepper;
  /** Told of a last use that could not be written. */
  readonly onError: (error: unknown) => void;
  readonly now: () => number;
  /** Where a person makes a new password; named in the refusal of an expired one. */
  readonly publicUrl: string;
  readonly maximumDays: number;
  readonly maximumPerAccount: number;
  /** How long an owner's groups and passwords count while the provider is silent. */
  readonly patience: Patience;
  /** Says what is wrong with a repository pattern, or `null`. */
  readonly checkPattern: (pattern: string) => string | null;
};

const day = 24 * 60 * 60 * 1000;
const maximumNameLength = 60;
const maximumPatterns = 20;
const maximumPatternLength = 255;

export function createAppPasswords(parts: AppPasswordParts): AppPasswords {
  const { store, audit, pepper, now } = parts;
  const uses = createLastUses(parts);

  const find = async (id: string): Promise<AppPassword> => {
    await uses.flush();
    const row = await store.byId(id);
    if (row === undefined) throw new Refusal('not_found', `There is no password ${id}. List them to see the ids.`);
    return toAppPassword(row, row.login, now());
  };

  return {
    maximumDays: parts.maximumDays,
    maximumPerAccount: parts.maximumPerAccount,

    async issue(owner, wish, by) {
      const { name, repositories } = checkWish(wish, parts);
      const secret = createSecret('dkp');
      const createdAt = now();
      const row = {
        id: randomBytes(9).toString('base64url').replaceAll(/[-_]/g, '0'),
        account_id: owner.id,
        name,
        hash: pepper.hash(secret),
        pepper_id: pepper.id,
        hint: hintOf(secret),
        actions_json: wish.pullOnly ? JSON.stringify(['pull']) : null,
        repositories_json: repositories.length > 0 ? JSON.stringify(repositories) : null,
        created_at: createdAt,
        expires_at: createdAt + wish.days * day,
      };
      if (!(await store.insert(row, parts.maximumPerAccount))) {
        throw await explainConflict(store, owner.id, name, parts.maximumPerAccount, now());
      }
      const password = toAppPassword({ ...row, ...unused }, owner.login, createdAt);
      const { limits, expiresAt } = password;
      audit.record({
        action: 'password.create',
        ...by,
        subject: owner.login,
        detail: { id: row.id, name, expiresAt, limits },
      });
      // What was answered is written down, whatever ends the process.
      await audit.flush();
      return { secret, password };
    },

    async ofAccount(owner) {
      await uses.flush();
      return (await store.ofAccount(owner.id)).map((row) => toAppPassword(row, owner.login, now()));
    },
    async all() {
      await uses.flush();
      return (await store.all()).map((row) => toAppPassword(row, row.login, now()));
    },
    byId: find,

    async revoke(id, accountId, by) {
      const password = await find(id);
      if (accountId !== null && password.accountId !== accountId) {
        throw new Refusal('not_found', `You have no password ${id}. Your passwords are listed on the first page.`);
      }
      if (await store.revoke(id, by.actor, now())) {
        const detail = { id, name: password.name };
        audit.record({ action: 'password.revoke', ...by, subject: password.login, detail });
        await audit.flush();
      }
      return find(id);
    },

    authenticator: {
      recognises: ({ password }) => looksLikeSecret(password),
      verify: (credentials) => verify(credentials, parts),
    },
    async identityByHash(hash) {
      const row = await findByHash(hash, parts);
      return row === undefined ? null : identityOf(row, parts);
    },

    recordUse(identity, client) {
      if (identity.credential !== null) uses.record(identity.credential.id, client);
    },
    flush: uses.flush,
  };
}

const unused = { revoked_at: null, revoked_by: null, used_at: null, used_address: null, used_client: null };

function checkWish(wish: PasswordWish, parts: AppPasswordParts): { name: string; repositories: string[] } {
  const name = wish.name.trim().normalize('NFC');
  const nameProblem = problemOfName(name);
  if (nameProblem !== null) throw new Refusal('bad_request', nameProblem, { field: 'name' });
  if (!Number.isInteger(wish.days) || wish.days < 1 || wish.days > parts.maximumDays) {
    throw new Refusal('bad_request', `Choose a lifetime between 1 and ${parts.maximumDays} days.`, { field: 'days' });
  }
  const repositories = wish.repositories.map((pattern) => pattern.trim()).filter((pattern) => pattern !== '');
  const patternProblem = problemOfPatterns(repositories, parts);
  if (patternProblem !== null) throw new Refusal('bad_request', patternProblem, { field: 'repositories' });
  return { name, repositories };
}

function problemOfName(name: string): string | null {
  if (name === '') return 'Give the password a name, for example the machine it is for.';
  if (name.length > maximumNameLength) return `The name is longer than ${maximumNameLength} characters. Shorten it.`;
  return /\p{Cc}/u.test(name) ? 'The name holds a control character. Remove it.' : null;
}

function problemOfPatterns(repositories: readonly string[], { checkPattern }: AppPasswordParts): string | null {
  if (repositories.length > maximumPatterns) {
    return `Name at most ${maximumPatterns} repository patterns; combine some with "*".`;
  }
  for (const pattern of repositories) {
    const problem = pattern.length > maximumPatternLength ? 'it is too long' : checkPattern(pattern);
    if (problem !== null) return `The repository pattern "${pattern}" is not usable: ${problem}.`;
  }
  return null;
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

/** Checksum, then the keyed hash, then owner, state and expiry. What is wrong is told only to whoever holds the secret. */
async function verify(credentials: Credentials, parts: AppPasswordParts): Promise<Identity | null> {
  if (!hasValidChecksum(credentials.password)) return null;
  const row = await findByHash(parts.pepper.hash(credentials.password), parts);
  if (row === undefined || row.login !== foldCase(credentials.username)) return null;
  return identityOf(row, parts);
}

async function findByHash(hash: string, { store }: AppPasswordParts): Promise<PasswordWithOwner | undefined> {
  const row = await store.byHash(hash);
  return row !== undefined && equalHashes(row.hash, hash) ? row : undefined;
}

/** @throws {Refusal} where the password may not be used */
function identityOf(row: PasswordWithOwner, parts: AppPasswordParts): Identity {
  const standing = requireUsable(row, parts);
  return toIdentity(row, standing.use, toldGroups(row, parts.patience, parts.now()));
}

/** @throws {Refusal} for whoever holds the secret: why it does not work, and what to do */
function requireUsable(row: PasswordWithOwner, { patience, now, publicUrl }: AppPasswordParts): Standing {
  const standing = standingOf(row, patience, now());
  if (standing.use === 'none') {
    const help = standing.signInHelps ? `sign in again: ${publicUrl}` : 'ask the administrator of this registry';
    throw new Refusal('unauthenticated', `${standing.reason}; ${help}`);
  }
  const why = endOf(row, now());
  if (why !== null) throw new Refusal('unauthenticated', `${why}; make a new one: ${publicUrl}`);
  return standing;
}

function endOf(row: PasswordRow, now: number): string | null {
  switch (stateOf(row, now)) {
    case 'revoked':
      return `password "${row.name}" was revoked on ${dateOf(row.revoked_at ?? now)}`;
    case 'expired':
      return `password "${row.name}" expired on ${dateOf(row.expires_at)}`;
    case 'live':
      return null;
  }
}

function toIdentity(
  row: PasswordWithOwner,
  use: Standing['use'],
  groups: Pick<Identity, 'groups' | 'groupsKnown' | 'groupsAt'>,
): Identity {
  const own = limitsOf(row);
  const limits = use === 'full' ? own : { ...own, actions: (own.actions ?? ['pull']).filter((one) => one === 'pull') };
  return {
    kind: row.kind,
    account: row.login,
    email: row.email === null ? null : foldCase(row.email),
    domain: row.domain,
    ...groups,
    labels: {},
    limits: limits.actions === null && limits.repositories === null ? null : limits,
    credential: { id: row.id, name: row.name },
    accountId: row.account_id,
  };
}

function toAppPassword(row: PasswordRow, login: string, now: number): AppPassword {
  return {
    id: row.id,
    accountId: row.account_id,
    login,
    name: row.name,
    hint: row.hint,
    state: stateOf(row, now),
    limits: limitsOf(row),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    revokedBy: row.revoked_by,
    lastUse:
      row.used_at === null ? null : { at: row.used_at, address: row.used_address ?? '', client: row.used_client ?? '' },
  };
}

function limitsOf(row: PasswordRow): Limits {
  const parse = (json: string | null) => (json === null ? null : (JSON.parse(json) as string[]));
  return { actions: parse(row.actions_json), repositories: parse(row.repositories_json) };
}

function stateOf(row: PasswordRow, now: number): AppPassword['state'] {
  if (row.revoked_at !== null) return 'revoked';
  return row.expires_at <= now ? 'expired' : 'live';
}

function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
