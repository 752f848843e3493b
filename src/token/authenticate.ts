/** Owns the step from credentials to an identity: right, wrong, or could not be checked. */
import type { IdentityTokens } from '../app-passwords/identity-tokens.ts';
import { type Authenticator, type Credentials, foldCase, type Identity } from '../identity/identity.ts';
import { Refusal } from '../lib/errors.ts';
import { looksLikeSecret } from '../lib/secret.ts';
import type { FailedLogins } from '../static-users/failed-logins.ts';
import { namesNobody, type Proof } from './credentials.ts';
import type { Service } from './mint.ts';

/** Seconds; a database that restarts is back by then. */
const retryAfter = 5;

export type AuthenticationParts = {
  readonly authenticators: readonly Authenticator[];
  readonly failedLogins: Pick<FailedLogins, 'record'>;
  readonly identityTokens: Pick<IdentityTokens, 'verify'>;
  /** Where people get a password that works; part of each refusal. */
  readonly help: string;
};

/**
 * The identity that the credentials prove.
 * @param address where the request comes from
 * @throws {Refusal} `unauthenticated` for wrong ones, `too_many_requests` after too many wrong ones, `unavailable` for
 *   credentials that couldn't be checked
 */
export async function authenticate(
  parts: AuthenticationParts,
  credentials: Credentials,
  address: string,
): Promise<Identity> {
  const wrong = new Refusal('unauthenticated', `wrong user name or password; ${parts.help}`);
  // Nobody is called "": in the policy that stands for requests without credentials.
  if (namesNobody(credentials.username)) throw wrong;
  const authenticator = parts.authenticators.find((one) => one.recognises(credentials));
  const identity = authenticator === undefined ? null : await checked(authenticator.verify(credentials, address));
  if (identity !== null) return identity;
  // Nobody can guess one of our secrets, so a wrong one costs nobody else the 429 that follows many guesses.
  if (!looksLikeSecret(credentials.password)) parts.failedLogins.record({ address, ...credentials });
  throw wrong;
}

/**
 * The identity behind an identity token that a login at this service made. A wrong one is no failed login: nobody can guess
 * one, and many clients send theirs without a user name.
 * @throws {Refusal} as `authenticate` does
 */
export async function authenticateToken(
  { identityTokens, help }: AuthenticationParts,
  { token, username }: Extract<Proof, { kind: 'identity token' }>,
  service: Service,
): Promise<Identity> {
  const identity = service.identityTokens ? await checked(identityTokens.verify(token, service.name)) : null;
  if (identity === null) throw new Refusal('unauthenticated', `this identity token does not work here; ${help}`);
  if (username !== null && foldCase(username) !== foldCase(identity.account)) {
    throw new Refusal('unauthenticated', `this identity token belongs to another user name; ${help}`);
  }
  return identity;
}

/** Credentials that couldn't be checked aren't wrong. */
async function checked<Result>(check: Promise<Result>): Promise<Result> {
  try {
    return await check;
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    throw new Refusal('unavailable', 'the password could not be checked just now; try again', { cause, retryAfter });
  }
}
