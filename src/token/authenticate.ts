/** Owns the step from credentials to an identity: right, wrong, or could not be checked. */
import type { IdentityTokens } from '../app-passwords/identity-tokens.ts';
import type { Authenticator, Credentials, Identity } from '../identity/identity.ts';
import { Refusal } from '../lib/errors.ts';
import type { FailedLogins } from '../static-users/failed-logins.ts';
import type { Service } from './mint.ts';

/** Seconds; a database that restarts is back by then. */
const retryAfter = 5;

export type AuthenticationParts = {
  readonly authenticators: readonly Authenticator[];
  readonly failedLogins: Pick<FailedLogins, 'record'>;
  readonly identityTokens: Pick<IdentityTokens, 'verify'>;
  /** Where the sender can get a password that works; told with a refusal. */
  readonly help: string;
};

/**
 * The identity that the credentials prove.
 * @param address where they come from
 * @throws {Refusal} `unauthenticated` where they are wrong, `too_many_requests` where others before them were wrong too;
 *   `unavailable` where that could not be found out
 */
export async function authenticate(
  parts: AuthenticationParts,
  credentials: Credentials,
  address: string,
): Promise<Identity> {
  const authenticator = parts.authenticators.find((one) => one.recognises(credentials));
  // containerd sends Basic ":TOKEN" after a refresh token failed. Nobody has the empty name: "" in the policy is
  // for those who send no credentials.
  const isKnown = credentials.username !== '' && authenticator !== undefined;
  const identity = isKnown ? await checked(authenticator.verify(credentials, address)) : null;
  if (identity !== null) return identity;
  parts.failedLogins.record({ address, ...credentials });
  throw new Refusal('unauthenticated', `wrong user name or password; ${parts.help}`);
}

/**
 * The identity behind a token that a log-in at this service made.
 * @throws {Refusal} as `authenticate` does
 */
export async function authenticateToken(
  { identityTokens, help }: AuthenticationParts,
  token: string,
  service: Service,
): Promise<Identity> {
  const identity = service.identityTokens ? await checked(identityTokens.verify(token, service.name)) : null;
  if (identity === null) throw new Refusal('unauthenticated', `this identity token does not work here; ${help}`);
  return identity;
}

/** What could not be checked is not wrong. */
async function checked<Result>(check: Promise<Result>): Promise<Result> {
  try {
    return await check;
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    throw new Refusal('unavailable', 'the password could not be checked just now; try again', { cause, retryAfter });
  }
}
