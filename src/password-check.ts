/** Owns the check of an app password: from user name and secret to the identity that they prove, or why they do not. */
import { Refusal } from './errors.ts';
import { identityOfAccount } from './identity/account-identity.ts';
import { type Authenticator, type Credentials, foldCase, type Identity, type Limits } from './identity/identity.ts';
import { type Patience, type Standing, standingOf } from './identity/standing.ts';
import { equalHashes, hasValidChecksum, looksLikeSecret, type Pepper } from './secret.ts';
import type { PasswordRow, PasswordStore, PasswordWithOwner } from './store/passwords.ts';

export type CheckParts = {
  readonly store: Pick<PasswordStore, 'byHash'>;
  readonly pepper: Pepper;
  readonly now: () => number;
  /** Where a person makes a new password; named in the refusal of an expired one. */
  readonly publicUrl: string;
  /** How long an owner's groups and passwords count while the provider is silent. */
  readonly patience: Patience;
};

export type PasswordCheck = {
  readonly authenticator: Authenticator;
  /** What the password with this hash proves, for what was made from it. @throws {Refusal} as `verify` does */
  identityByHash(hash: string): Promise<Identity | null>;
  /**
   * What a secret proves for the user name that it came with.
   * @returns `null` for a secret that nobody has, or somebody else
   * @throws {Refusal} as `verify` does
   */
  identityOf(credentials: Credentials): Promise<Identity | null>;
};

export function createPasswordCheck(parts: CheckParts): PasswordCheck {
  return {
    authenticator: {
      recognises: ({ password }) => looksLikeSecret(password),
      verify: (credentials) => verify(credentials, parts),
    },
    async identityByHash(hash) {
      const row = await findByHash(hash, parts);
      return row === undefined ? null : identityOf(row, parts);
    },
    identityOf: (credentials) => find(credentials, parts),
  };
}

/** Checksum, then the keyed hash, then owner, state and expiry. What is wrong is told only to whoever holds the secret. */
async function verify(credentials: Credentials, parts: CheckParts): Promise<Identity | null> {
  return hasValidChecksum(credentials.password) ? find(credentials, parts) : null;
}

async function find(credentials: Credentials, parts: CheckParts): Promise<Identity | null> {
  const row = await findByHash(parts.pepper.hash(credentials.password), parts);
  if (row === undefined || row.login !== foldCase(credentials.username)) return null;
  return identityOf(row, parts);
}

async function findByHash(hash: string, { store }: CheckParts): Promise<PasswordWithOwner | undefined> {
  const row = await store.byHash(hash);
  return row !== undefined && equalHashes(row.hash, hash) ? row : undefined;
}

/** @throws {Refusal} where the password may not be used */
function identityOf(row: PasswordWithOwner, parts: CheckParts): Identity {
  const standing = requireUsable(row, parts);
  return {
    ...identityOfAccount(row, parts.patience, parts.now()),
    accountId: row.account_id,
    limits: toLimits(row, standing.use),
    credential: { id: row.id, name: row.name },
  };
}

/** @throws {Refusal} for whoever holds the secret: why it does not work, and what to do */
function requireUsable(row: PasswordWithOwner, { patience, now, publicUrl }: CheckParts): Standing {
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

/** Pulls alone, where the owner's standing is good for no more. */
function toLimits(row: PasswordRow, use: Standing['use']): Limits | null {
  const own = limitsOf(row);
  const limits = use === 'full' ? own : { ...own, actions: (own.actions ?? ['pull']).filter((one) => one === 'pull') };
  return limits.actions === null && limits.repositories === null ? null : limits;
}

export function limitsOf(row: PasswordRow): Limits {
  const parse = (json: string | null) => (json === null ? null : (JSON.parse(json) as string[]));
  return { actions: parse(row.actions_json), repositories: parse(row.repositories_json) };
}

/** @param now epoch milliseconds */
export function stateOf(row: PasswordRow, now: number): 'live' | 'expired' | 'revoked' {
  if (row.revoked_at !== null) return 'revoked';
  return row.expires_at <= now ? 'expired' : 'live';
}

function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
