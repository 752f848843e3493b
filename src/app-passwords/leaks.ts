/** Owns what a report of a leaked secret ends: anyone who holds it can revoke it, whatever its kind, forever. */
import type { Audit } from '../audit/audit.ts';
import type { Requester } from '../identity/requester.ts';
import {
  hasValidChecksum,
  isSecretOf,
  looksLikeDockerAuthPassword,
  looksLikeSecret,
  type Pepper,
  trimSecret,
} from '../lib/secret.ts';
import type { FailedLogins } from '../static-users/failed-logins.ts';
import type { Store } from '../store/store.ts';

export type LeakReports = {
  /**
   * Ends the password, or the one behind an identity token, or the machine behind its refresh secret or password, or the
   * API token, or what a job was given for its ID token. No undo brings it back. What has ended for good already is known,
   * and nothing is written of it again.
   * @returns false for a text that isn't a secret of anyone here
   * @throws {Refusal} `too_many_requests` in place of false, after too many of those from one network
   */
  report(secret: string, client: Requester): Promise<boolean>;
};

export type LeakParts = {
  readonly store: Pick<Store, 'passwords' | 'identityTokens' | 'apiTokens' | 'workloadCredentials' | 'machines'>;
  readonly failedLogins: Pick<FailedLogins, 'countOrRefuse'>;
  readonly audit: Audit;
  readonly pepper: Pepper;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Stands where a login does, in `revokedBy` and where wrong ones are counted; no login has a space. */
const reporter = 'a report that it leaked';

export function createLeakReports({ store, failedLogins, audit, pepper, now }: LeakParts): LeakReports {
  const endPassword = async (hash: string | undefined, client: Requester): Promise<boolean> => {
    const row = hash === undefined ? undefined : await store.passwords.byHash(hash);
    if (row === undefined) return false;
    const { id, name, login } = row;
    const event = { action: 'password.leaked', actor: '', client, subject: login, detail: { id, name } } as const;
    await audit.commit(event, (entry) => store.passwords.revoke(id, reporter, now(), entry));
    return true;
  };
  const endApiToken = async (hash: string, client: Requester): Promise<boolean> => {
    const row = await store.apiTokens.byHash(hash);
    if (row === undefined) return false;
    const { id, name, created_by: subject } = row;
    const detail = { id, name, reason: reporter };
    const event = { action: 'api-token.revoke', actor: '', client, subject, detail } as const;
    await audit.commit(event, (entry) => store.apiTokens.revoke(id, reporter, now(), entry));
    return true;
  };
  const endWorkload = async (hash: string, client: Requester): Promise<boolean> => {
    const row = await store.workloadCredentials.byHash(hash);
    if (row === undefined) return false;
    const { id, account: subject, issuer, run } = row;
    const event = { action: 'workload.leaked', actor: '', client, subject, detail: { id, issuer, run } } as const;
    await audit.commit(event, (entry) => store.workloadCredentials.end(hash, now(), entry));
    return true;
  };
  const end = async (secret: string, client: Requester): Promise<boolean> => {
    const hash = pepper.hash(secret);
    // One that hasn't been used since the import can't be found: its hash needs the user name.
    if (looksLikeDockerAuthPassword(secret)) return endPassword(hash, client);
    if (!looksLikeSecret(secret) || !hasValidChecksum(secret)) return false;
    if (isSecretOf('dka', secret)) return endApiToken(hash, client);
    if (isSecretOf('dkc', secret) || isSecretOf('dkj', secret)) return endWorkload(hash, client);
    if (isSecretOf('dkm', secret)) return endPassword((await store.machines.secretByHash(hash))?.owner_hash, client);
    if (isSecretOf('dkt', secret)) return endPassword((await store.machines.passwordByHash(hash))?.owner_hash, client);
    if (!isSecretOf('dki', secret)) return endPassword(hash, client);
    return endPassword((await store.identityTokens.byHash(hash))?.password_hash, client);
  };
  return {
    async report(secret, client) {
      // Asked first: noise from an address must not keep a secret alive that someone behind the same address found.
      const isFound = await end(trimSecret(secret), client);
      if (!isFound) failedLogins.countOrRefuse({ address: client.address, username: reporter, password: secret });
      return isFound;
    },
  };
}
