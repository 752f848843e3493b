/** Owns the step from credentials to an identity: right, wrong, or could not be checked. */
import { Refusal } from '../errors.ts';
import type { FailedLogins } from '../failed-logins.ts';
import type { Authenticator, Credentials, Identity } from '../identity/identity.ts';

/** Seconds; a database that restarts is back by then. */
const retryAfter = 5;

export type AuthenticationParts = {
  readonly authenticators: readonly Authenticator[];
  readonly failedLogins: Pick<FailedLogins, 'record'>;
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
  // containerd sends Basic ":TOKEN" after a refresh token failed. Nobody has the empty name: "" in the policy is
  // for those who send no credentials.
  const identity = credentials.username === '' ? null : await verify(parts.authenticators, credentials, address);
  if (identity !== null) return identity;
  parts.failedLogins.record({ address, ...credentials });
  throw new Refusal('unauthenticated', `wrong user name or password; ${parts.help}`);
}

async function verify(
  authenticators: readonly Authenticator[],
  credentials: Credentials,
  address: string,
): Promise<Identity | null> {
  try {
    const responsible = authenticators.find((authenticator) => authenticator.recognises(credentials));
    return (await responsible?.verify(credentials, address)) ?? null;
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    throw new Refusal('unavailable', 'the password could not be checked just now; try again', { cause, retryAfter });
  }
}
