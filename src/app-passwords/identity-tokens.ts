/** Owns docker's identity tokens: what `docker login` keeps in the place of an app password, for one service alone. */
import type { Audit } from '../audit/audit.ts';
import type { Credentials, Identity } from '../identity/identity.ts';
import type { Requester } from '../identity/requester.ts';
import {
  deriveSecret,
  equalHashes,
  hasValidChecksum,
  isSecretOf,
  looksLikeSecret,
  type Pepper,
} from '../lib/secret.ts';
import type { IdentityTokenStore } from '../store/identity-tokens.ts';

export type IdentityTokens = {
  /**
   * The token of this app password for this service: the same one at each log-in, so that they do not pile up.
   * @param identity what the credentials proved
   * @returns `null` for something that isn't an app password
   */
  issue(credentials: Credentials, identity: Identity, service: string, client: Requester): Promise<string | null>;
  /**
   * The identity behind a token, as its password proves it now.
   * @returns `null` if it isn't of this service
   * @throws {Refusal} `unauthenticated` where the password can't be used any more
   */
  verify(token: string, service: string): Promise<Identity | null>;
};

export type IdentityTokenParts = {
  readonly store: IdentityTokenStore;
  readonly pepper: Pepper;
  /** The identity that a password with this hash proves, or `null`; throws what the check of a password throws. */
  readonly identityByHash: (passwordHash: string) => Promise<Identity | null>;
  readonly audit: Audit;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export function createIdentityTokens(parts: IdentityTokenParts): IdentityTokens {
  const { store, pepper, audit } = parts;
  return {
    async issue({ password }, identity, service, client) {
      const { credential, account } = identity;
      // The short passwords of a machine are meant to be fetched again, not kept as something longer.
      if (credential === null || !looksLikeSecret(password) || isSecretOf('dkt', password)) return null;
      const token = deriveToken(pepper, password, service);
      const row = { hash: pepper.hash(token), password_id: credential.id, service, created_at: parts.now() };
      const detail = { id: credential.id, name: credential.name, service };
      const event = { action: 'password.identity-token', actor: account, subject: account, client, detail } as const;
      await audit.commit(event, (entry) => store.add(row, pepper.hash(password), entry));
      return token;
    },
    async verify(token, service) {
      if (!isSecretOf('dki', token) || !hasValidChecksum(token)) return null;
      const hash = pepper.hash(token);
      const row = await store.byHash(hash);
      if (row === undefined || !equalHashes(row.hash, hash) || row.service !== service) return null;
      return parts.identityByHash(row.password_hash);
    },
  };
}

/**
 * A separate secret that no one can compute without the password and the pepper. Random ones would pile up with each
 * `docker login` of a CI job, and any limit on them would log someone out.
 */
function deriveToken(pepper: Pepper, password: string, service: string): string {
  return deriveSecret('dki', pepper, (round) => `identity token ${round}\0${service}\0${password}`);
}
