/** Owns the step from credentials to an identity: right, wrong, or could not be checked. */

import { type Authenticator, type Credentials, foldCase, type Identity } from '../identity/identity.ts';
import type { Requester } from '../identity/requester.ts';
import { Refusal } from '../lib/errors.ts';
import { looksLikeSecret } from '../lib/secret.ts';
import type { FailedLogins } from '../static-users/failed-logins.ts';
import { namesNobody, type Proof } from './credentials.ts';
import type { Service } from './mint.ts';

/** Seconds; a database that restarts is back by then. */
const retryAfter = 5;

/** Docker's identity tokens, whatever they were made from. */
export type ServiceTokens = {
  /** @returns `null` for credentials that none is made from */
  issue(credentials: Credentials, identity: Identity, service: string, client: Requester): Promise<string | null>;
  /** @returns `null` for a token that isn't of this service. @throws {Refusal} where it doesn't count any more */
  verify(token: string, service: string, address: string): Promise<Identity | null>;
};

export type AuthenticationParts = {
  readonly authenticators: readonly Authenticator[];
  readonly failedLogins: Pick<FailedLogins, 'countOrRefuse'>;
  readonly identityTokens: Pick<ServiceTokens, 'verify'>;
  /** Where people get a password that works; part of each refusal. */
  readonly help: string;
};

/**
 * The identity that a request proves.
 * @param address where the request comes from
 * @param service the registry that asks
 * @throws {Refusal} as `authenticate` does
 */
export function identityProvenBy(
  parts: AuthenticationParts,
  proof: Proof,
  service: Pick<Service, 'name' | 'identityTokens'>,
  address: string,
): Promise<Identity> {
  if (proof.kind === 'identity token') return authenticateToken(parts, proof, service, address);
  return authenticate(parts, proof.credentials, address, service.name);
}

/**
 * The identity that the credentials prove.
 * @param address where the request comes from
 * @param service the registry that asks
 * @throws {Refusal} `unauthenticated` for wrong ones, `too_many_requests` after too many wrong ones, `unavailable` for
 *   credentials that couldn't be checked
 */
async function authenticate(
  parts: AuthenticationParts,
  credentials: Credentials,
  address: string,
  service: string,
): Promise<Identity> {
  // No one is called "": in the policy it means requests without credentials.
  if (namesNobody(credentials.username)) throw wrongCredentials(parts);
  const authenticator = parts.authenticators.find((one) => one.recognises(credentials));
  const identity =
    authenticator === undefined ? null : await checked(authenticator.verify(credentials, address, service));
  if (identity !== null) return identity;
  // Our secrets can't be guessed, so a wrong one doesn't count toward the 429 that follows many guesses.
  if (!looksLikeSecret(credentials.password)) parts.failedLogins.countOrRefuse({ address, ...credentials });
  throw wrongCredentials(parts);
}

function wrongCredentials({ help }: AuthenticationParts): Refusal {
  return new Refusal('unauthenticated', `invalid user name or password; ${help}`);
}

/**
 * The identity behind an identity token that a login at this service made. A wrong one isn't a failed login: no one can guess
 * one, and many clients send theirs without a user name.
 * @throws {Refusal} as `authenticate` does
 */
async function authenticateToken(
  { identityTokens, help }: AuthenticationParts,
  { token, username }: Extract<Proof, { kind: 'identity token' }>,
  service: Pick<Service, 'name' | 'identityTokens'>,
  address: string,
): Promise<Identity> {
  const identity = service.identityTokens ? await checked(identityTokens.verify(token, service.name, address)) : null;
  if (identity === null) throw new Refusal('unauthenticated', `this identity token does not work here; ${help}`);
  const usernames = identity.workload?.usernames ?? [identity.account];
  if (username !== null && !usernames.some((name) => foldCase(name) === foldCase(username))) {
    throw new Refusal('unauthenticated', `this identity token belongs to another user name; ${help}`);
  }
  return identity;
}

/** Credentials that couldn't be checked aren't wrong. @throws {Refusal} */
export async function checked<Result>(check: Promise<Result>): Promise<Result> {
  try {
    return await check;
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    throw new Refusal('unavailable', 'the password could not be checked just now; try again', { cause, retryAfter });
  }
}
