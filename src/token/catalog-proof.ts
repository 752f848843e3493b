/** Owns what makes a token list repositories: how its holder had logged in, so that each request can check that again. */
import type { Identity } from '../identity/identity.ts';

/** The claim of a token that was requested with `registry:catalog:*`. Registries ignore what they don't know. */
export const catalogClaim = 'dockpass_catalog';

/** The id of the password; or for a user of the policy file, a fingerprint that changes with their password. */
export type CatalogProof = { readonly password: string } | { readonly user: string };

export type CatalogProofs = {
  /** @returns `null` for someone whose login can't be checked again: jobs, requests without credentials */
  of(identity: Identity): CatalogProof | null;
  /**
   * Who the holder of the token is now, with the limits that the password has now.
   * @param account `sub` of the token
   * @returns `null` where the password isn't theirs any more
   * @throws {Refusal} `unauthenticated` where it can't be used
   */
  check(proof: CatalogProof, account: string): Promise<Identity | null>;
};

export function isCatalogProof(value: unknown): value is CatalogProof {
  if (typeof value !== 'object' || value === null) return false;
  const { password, user }: { password?: unknown; user?: unknown } = value;
  return typeof password === 'string' ? user === undefined : password === undefined && typeof user === 'string';
}

/** @param parts.userNamed a user of the policy in force, with the fingerprint of their password; `null`: there is none */
export function createCatalogProofs(parts: {
  readonly passwordById: (id: string) => Promise<Identity | null>;
  readonly userNamed: (name: string) => { readonly identity: Identity; readonly fingerprint: string } | null;
}): CatalogProofs {
  return {
    of({ kind, account, credential }) {
      if (credential !== null) return { password: credential.id };
      const user = kind === 'static' ? parts.userNamed(account) : null;
      return user && { user: user.fingerprint };
    },
    async check(proof, account) {
      if ('user' in proof) {
        const user = parts.userNamed(account);
        return user?.fingerprint === proof.user ? user.identity : null;
      }
      const identity = await parts.passwordById(proof.password);
      // A user name can move to another account.
      return identity?.account === account ? identity : null;
    },
  };
}
