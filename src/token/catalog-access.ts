/** Owns who asks for the list of repositories: Basic as at the realm, or a token that was requested for the list. */
import type { IncomingMessage } from 'node:http';
import type { JWTPayload } from 'jose';
import type { Identity } from '../identity/identity.ts';
import { Refusal } from '../lib/errors.ts';
import { authorizationOf } from '../lib/repeated-header.ts';
import { type AuthenticationParts, checked, identityProvenBy } from './authenticate.ts';
import { type CatalogProofs, catalogClaim, isCatalogProof } from './catalog-proof.ts';
import { readProof } from './credentials.ts';
import type { Service } from './mint.ts';
import { readQuery } from './parameters.ts';

/** A registry whose repositories are known. */
export type CatalogService = Pick<Service, 'name' | 'issuer' | 'identityTokens'> & {
  /** The public keys of its tokens (RFC 7517), now. */
  readonly keys: () => { readonly keys: readonly object[] };
};

export type CatalogAccessParts = Pick<
  AuthenticationParts,
  'authenticators' | 'failedLogins' | 'identityTokens' | 'help'
> & {
  readonly proofs: Pick<CatalogProofs, 'check'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** The token can't be empty: then each of many spaces could end what is before it, and each of these ends would be tried. */
const bearerHeader = /^bearer(?: +(\S+))? *$/i;
/** Those that Dockpass signs with. */
const algorithms = ['ES256', 'ES384', 'RS256'];
/** Seconds: of another replica's clock. */
const leeway = 60;

/**
 * @param address where the request comes from
 * @returns who asks, with the limits that their password has now
 * @throws {Refusal} `unauthenticated` without credentials, and as the realm does for wrong ones
 */
export async function identifyForCatalog(
  parts: CatalogAccessParts,
  request: IncomingMessage,
  service: CatalogService,
  address: string,
): Promise<Identity> {
  const authorization = authorizationOf(request);
  const bearer = bearerHeader.exec(authorization ?? '');
  if (bearer !== null) return identityOfToken(parts, bearer[1] ?? '', service);
  const proof = readProof(authorization, readQuery(request.url ?? ''), null);
  if (proof === null) throw new Refusal('unauthenticated', `authentication required; ${parts.help}`);
  return identityProvenBy(parts, proof, service, address);
}

async function identityOfToken(
  { proofs, help, now }: CatalogAccessParts,
  token: string,
  service: CatalogService,
): Promise<Identity> {
  const { sub, [catalogClaim]: proof } = await verified(token, service, now());
  // A token for one repository must not list others, no matter who got hold of it.
  if (sub === undefined || !isCatalogProof(proof)) {
    const how = 'list with your user name and password, or with a token that was requested for registry:catalog:*';
    throw new Refusal('unauthenticated', `this token does not list repositories: ${how}`);
  }
  const identity = await checked(proofs.check(proof, sub));
  if (identity === null) throw new Refusal('unauthenticated', `the password of this token does not work now; ${help}`);
  return identity;
}

async function verified(token: string, { name, issuer, keys }: CatalogService, now: number): Promise<JWTPayload> {
  // Its 46 files are a tenth of a start, and most registries never send such a token.
  const { createLocalJWKSet, errors, jwtVerify } = await import('jose');
  const keySet = createLocalJWKSet({ keys: [...keys().keys] });
  const rules = { algorithms, issuer, audience: name, clockTolerance: leeway, currentDate: new Date(now) };
  try {
    return (await jwtVerify(token, keySet, rules)).payload;
  } catch (cause) {
    if (!(cause instanceof errors.JOSEError)) throw cause;
    throw new Refusal('unauthenticated', 'this token is not valid here, or not any more; ask for a new one', { cause });
  }
}
