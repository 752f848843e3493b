/** Owns what a registry token says: the claims (distribution, spec/auth/jwt.md). */
import { randomUUID } from 'node:crypto';
import type { Signer } from '../keys/signature.ts';
import type { Access } from '../scope.ts';
import { type CatalogProof, catalogClaim } from './catalog-proof.ts';

/** A registry, or several that share a name, as its own `auth.token` configuration has it. */
export type Service = {
  /** The registry's `service`; becomes `aud`. */
  readonly name: string;
  /** The registry's `issuer`, to the letter; becomes `iss`. */
  readonly issuer: string;
  /** Seconds that a token lives, at least 60: clients take a shorter life for 60. */
  readonly lifetime: number;
  /** Whether it gives out and takes docker's identity tokens. */
  readonly identityTokens: boolean;
  /** Signs with the key and the header that its registries trust. */
  readonly signer: Signer;
  /** Whether requests without credentials can get a token; if not, the answer is to log in. */
  readonly anonymous: boolean;
};

export type Token = { readonly jwt: string; readonly expiresIn: number };

/** Seconds. Registries forgive a clock difference of 60, zot none: a token must not come from a verifier's future. */
const backdating = 30;

/**
 * @param grant `sub` and `access` of the token; `account` is '' for anonymous; `catalog`: for a token that lists repositories
 * @param now epoch milliseconds
 */
export async function mint(
  signer: Signer,
  service: Pick<Service, 'name' | 'issuer' | 'lifetime'>,
  grant: { readonly account: string; readonly access: readonly Access[]; readonly catalog?: CatalogProof | null },
  now: number,
): Promise<Token> {
  const seconds = Math.floor(now / 1000);
  const jwt = await signer.sign({
    iss: service.issuer,
    sub: grant.account,
    aud: service.name,
    exp: seconds + service.lifetime,
    nbf: seconds - backdating,
    iat: seconds - backdating,
    jti: randomUUID(),
    access: grant.access,
    ...(grant.catalog && { [catalogClaim]: grant.catalog }),
  });
  return { jwt, expiresIn: service.lifetime };
}
