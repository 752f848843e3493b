/** Owns the step from credentials to an identity: right, wrong, or could not be checked. */
import { Refusal } from '../errors.ts';
import type { Authenticator, Credentials, Identity } from '../identity/identity.ts';

/** Seconds; a database that restarts is back by then. */
const retryAfter = 5;

/**
 * The identity that the credentials prove.
 * @param help where the sender can get a password that works; told with a refusal
 * @throws {Refusal} `unauthenticated` where they are wrong; `unavailable` where that could not be found out
 */
export async function authenticate(
  authenticators: readonly Authenticator[],
  credentials: Credentials,
  help: string,
): Promise<Identity> {
  // containerd sends Basic ":TOKEN" after a refresh token failed. Nobody has the empty name: "" in the policy is
  // for those who send no credentials.
  const identity = credentials.username === '' ? null : await verify(authenticators, credentials);
  if (identity === null) throw new Refusal('unauthenticated', `wrong user name or password; ${help}`);
  return identity;
}

async function verify(authenticators: readonly Authenticator[], credentials: Credentials): Promise<Identity | null> {
  try {
    const responsible = authenticators.find((authenticator) => authenticator.recognises(credentials));
    return (await responsible?.verify(credentials)) ?? null;
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    throw new Refusal('unavailable', 'the password could not be checked just now; try again', { cause, retryAfter });
  }
}
