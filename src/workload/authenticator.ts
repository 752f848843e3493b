/** Owns the login of a workload at the realm: an ID token, or a password that was exchanged for one, under a user name that is never a person's. */

import type { Authenticator, Credentials, Identity } from '../identity/identity.ts';
import type { Requester } from '../identity/requester.ts';
import { isSecretOf } from '../lib/secret.ts';
import type { Accept, Accepted, WorkloadsInForce } from './accept.ts';
import { identityOf, type Verified, type WorkloadCredentials } from './credentials.ts';
import { looksLikeJwt } from './id-token.ts';
import { anyIssuer } from './issuer.ts';
import type { Workload } from './judge.ts';
import { WorkloadRefusal } from './refusal.ts';

export type WorkloadAuthentication = {
  readonly authenticator: Authenticator;
  /** Docker's identity tokens for one job. */
  readonly identityTokens: {
    /** @returns `null` for what isn't an ID token */
    issue(credentials: Credentials, identity: Identity, service: string, client: Requester): Promise<string | null>;
    recognises(token: string): boolean;
    /** @returns `null` for what isn't one of this service. @throws {WorkloadRefusal} */
    verify(token: string, service: string, address?: string): Promise<Identity | null>;
  };
  /** What an identity of this module is to the rules; `undefined` for others. */
  workloadOf(identity: Identity): Workload | undefined;
};

export function createWorkloadAuthentication(parts: {
  readonly inForce: () => WorkloadsInForce | null;
  readonly accept: Accept;
  readonly credentials: WorkloadCredentials;
}): WorkloadAuthentication {
  const { inForce, accept, credentials } = parts;
  /** What each identity was made from, for as long as its request lasts. */
  const workloads = new WeakMap<Identity, Workload>();
  const tokens = new WeakMap<Identity, Accepted>();
  const remember = ({ workload, identity }: Pick<Verified, 'workload' | 'identity'>): Identity => {
    workloads.set(identity, workload);
    return identity;
  };
  const verifyToken = async ({ username, password }: Credentials, address: string, service: string) => {
    const accepted = await accept(password, { username, service, address, purpose: 'password' });
    const { token, workload } = accepted;
    const identity = identityOf(workload, token);
    tokens.set(identity, accepted);
    return remember({ workload, identity });
  };
  const verifyPassword = async ({ username, password }: Credentials, address: string, service: string) => {
    const verified = await credentials.verify('dkc', password, { service, address });
    if (verified === null) return null;
    if (username === anyIssuer || username === verified.issuer.name) return remember(verified);
    throw new WorkloadRefusal('wrong-name', { hint: `log in as "${anyIssuer}"` });
  };
  return {
    authenticator: {
      // Whatever the user name: a JWT must never be compared with the password of a user of the policy file.
      recognises: ({ password }) => isSecretOf('dkc', password) || (inForce() !== null && looksLikeJwt(password)),
      verify: (sent, address = '', service = '') =>
        isSecretOf('dkc', sent.password) ? verifyPassword(sent, address, service) : verifyToken(sent, address, service),
    },
    identityTokens: {
      async issue(_credentials, identity, service, client) {
        const accepted = tokens.get(identity);
        return accepted === undefined ? null : credentials.issueIdentityToken(accepted, service, client);
      },
      recognises: (token) => isSecretOf('dkj', token),
      async verify(token, service, address = '') {
        const verified = await credentials.verify('dkj', token, { service, address });
        return verified && remember(verified);
      },
    },
    workloadOf: (identity) => workloads.get(identity),
  };
}
