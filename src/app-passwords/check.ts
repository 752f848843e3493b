/** Owns the check of an app password: from user name and secret to the identity that they prove, or why they do not. */

import { identityOfAccount } from '../identity/account-identity.ts';
import { type AccountStatus, accountStatusOf, type GracePeriods } from '../identity/account-status.ts';
import type { Authority } from '../identity/authority.ts';
import { type Authenticator, type Credentials, foldCase, type Identity, type Limits } from '../identity/identity.ts';
import { Refusal } from '../lib/errors.ts';
import { isTexts, readJson } from '../lib/json.ts';
import { equalHashes, hasValidChecksum, isSecretOf, looksLikeSecret, type Pepper } from '../lib/secret.ts';
import { dateOf } from '../lib/time.ts';
import type { AccountStore } from '../store/accounts.ts';
import type { PasswordRow, PasswordStore, PasswordWithOwner } from '../store/passwords.ts';
import { boundOf, type MakerRules } from './maker.ts';

export type CheckParts = {
  readonly store: Pick<PasswordStore, 'byHash' | 'withOwner'>;
  /** Of the maker of a robot's password. */
  readonly accountById: AccountStore['byId'];
  readonly makerRules: MakerRules;
  /** Whether an owner's or maker's address counts. */
  readonly authority: Pick<Authority, 'judge'>;
  readonly pepper: Pepper;
  readonly now: () => number;
  /** Where a person makes a new password; named in the refusal of an expired one. */
  readonly publicUrl: string;
  /** How long an owner's groups and passwords count while the provider is silent. */
  readonly gracePeriods: GracePeriods;
};

export type PasswordCheck = {
  readonly authenticator: Authenticator;
  /** What the password with this hash proves, for what was made from it. @throws {Refusal} as `verify` does */
  identityByHash(hash: string): Promise<Identity | null>;
  /** What a password proved that a signed token names: it's looked at again. @throws {Refusal} as `verify` does */
  identityById(id: string): Promise<Identity | null>;
  /**
   * What a secret proves for the user name that it came with.
   * @returns `null` for a secret that no one has, or someone else
   * @throws {Refusal} as `verify` does
   */
  identityOf(credentials: Credentials): Promise<Identity | null>;
};

export function createPasswordCheck(parts: CheckParts): PasswordCheck {
  const findByHash = async (hash: string): Promise<PasswordWithOwner | undefined> => {
    const row = await parts.store.byHash(hash);
    return row !== undefined && equalHashes(row.hash, hash) ? row : undefined;
  };
  // Only someone who has the secret learns what is wrong with it.
  const find = async ({ username, password }: Credentials): Promise<Identity | null> => {
    const row = await findByHash(parts.pepper.hash(password));
    return row === undefined || row.login !== foldCase(username) ? null : identityProvenBy(row, parts);
  };
  return {
    authenticator: {
      // Those of workloads and machines have checks of their own.
      recognises: ({ password }) =>
        looksLikeSecret(password) && !isSecretOf('dkc', password) && !isSecretOf('dkt', password),
      verify: async (credentials) => (hasValidChecksum(credentials.password) ? find(credentials) : null),
    },
    async identityByHash(hash) {
      const row = await findByHash(hash);
      return row === undefined ? null : identityProvenBy(row, parts);
    },
    async identityById(id) {
      const row = await parts.store.withOwner(id);
      return row === undefined ? null : identityProvenBy(row, parts);
    },
    identityOf: find,
  };
}

/** @throws {Refusal} where the password can't be used */
async function identityProvenBy(row: PasswordWithOwner, parts: CheckParts): Promise<Identity> {
  const { use } = requireUsable(parts.authority.judge(row), parts);
  return {
    ...identityOfAccount(row, parts.gracePeriods, parts.now()),
    accountId: row.account_id,
    limits: toLimits(row, use),
    credential: { id: row.id, name: row.name },
    // A person's password has no maker, so that a person's login reads no more than its row.
    maker: row.maker_id === null ? null : await readBound(row, row.maker_id, parts),
  };
}

async function readBound(row: PasswordWithOwner, makerId: string, parts: CheckParts): Promise<Identity['maker']> {
  const maker = await parts.accountById(makerId);
  return boundOf(row, maker && parts.authority.judge(maker), parts.makerRules, parts.gracePeriods, parts.now());
}

/** @throws {Refusal} that tells someone who has the secret why it doesn't work, and what to do */
function requireUsable(row: PasswordWithOwner, { gracePeriods, now, publicUrl }: CheckParts): AccountStatus {
  const status = accountStatusOf(row, gracePeriods, now());
  if (status.use === 'none') {
    const help = status.signInHelps ? `sign in again: ${publicUrl}` : 'ask the administrator of this registry';
    throw new Refusal('unauthenticated', `${status.reason}; ${help}`);
  }
  const why = endOf(row, now());
  if (why !== null) throw new Refusal('unauthenticated', `${why}; make a new one: ${publicUrl}`);
  return status;
}

function endOf(row: PasswordRow, now: number): string | null {
  switch (stateOf(row, now)) {
    case 'revoked':
      return `password "${row.name}" was revoked on ${dateOf(row.revoked_at ?? now)}${by(row.revoked_by)}`;
    case 'expired':
      return `password "${row.name}" expired on ${dateOf(row.expires_at)}`;
    case 'active':
      return null;
  }
}

function by(actor: string | null): string {
  return actor === null || actor === '' ? '' : ` by ${actor}`;
}

/** Only pulls, where the owner's account status allows no more. */
function toLimits(row: PasswordRow, use: AccountStatus['use']): Limits | null {
  const own = limitsOf(row);
  const limits = use === 'full' ? own : { ...own, actions: (own.actions ?? ['pull']).filter((one) => one === 'pull') };
  return limits.actions === null && limits.repositories === null ? null : limits;
}

export function limitsOf(row: PasswordRow): Limits {
  const parse = (json: string | null) => (json === null ? null : readJson(json, isTexts));
  return { actions: parse(row.actions_json), repositories: parse(row.repositories_json) };
}

/** Of whatever expires and can be revoked. @param now epoch milliseconds */
export function stateOf(
  row: Pick<PasswordRow, 'revoked_at' | 'expires_at'>,
  now: number,
): 'active' | 'expired' | 'revoked' {
  if (row.revoked_at !== null) return 'revoked';
  return row.expires_at <= now ? 'expired' : 'active';
}
