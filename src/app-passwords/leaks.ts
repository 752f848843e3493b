/** Owns what a report of a leaked secret ends: anyone who holds it can revoke it, whatever its kind, forever. */
import type { Audit } from '../audit/audit.ts';
import type { Requester } from '../identity/requester.ts';
import {
  hasValidChecksum,
  looksLikeDockerAuthPassword,
  type Pepper,
  type SecretKind,
  secretKindOf,
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

export function createLeakReports(parts: LeakParts): LeakReports {
  return {
    async report(secret, client) {
      // Asked first: noise from an address must not keep a secret alive that someone behind the same address found.
      const isFound = await end(parts, trimSecret(secret), client);
      const attempt = { address: client.address, username: reporter, password: secret };
      if (!isFound) parts.failedLogins.countOrRefuse(attempt);
      return isFound;
    },
  };
}

/** @returns whether it was a secret of someone here */
type End = (parts: LeakParts, hash: string, client: Requester) => Promise<boolean>;

const ends: Readonly<Record<SecretKind, End>> = {
  dkp: endPassword,
  dkr: endPassword,
  dki: async (parts, hash, client) =>
    endPassword(parts, (await parts.store.identityTokens.byHash(hash))?.password_hash, client),
  dka: endApiToken,
  dkc: endWorkload,
  dkj: endWorkload,
  dkm: async (parts, hash, client) =>
    endPassword(parts, (await parts.store.machines.secretByHash(hash))?.owner_hash, client),
  dkt: async (parts, hash, client) =>
    endPassword(parts, (await parts.store.machines.passwordByHash(hash))?.owner_hash, client),
};

async function end(parts: LeakParts, secret: string, client: Requester): Promise<boolean> {
  const hash = parts.pepper.hash(secret);
  // One that hasn't been used since the import can't be found: its hash needs the user name.
  if (looksLikeDockerAuthPassword(secret)) return endPassword(parts, hash, client);
  const kind = secretKindOf(secret);
  return kind !== null && hasValidChecksum(secret) ? ends[kind](parts, hash, client) : false;
}

async function endPassword(
  { store, audit, now }: LeakParts,
  hash: string | undefined,
  client: Requester,
): Promise<boolean> {
  const row = hash === undefined ? undefined : await store.passwords.byHash(hash);
  if (row === undefined) return false;
  const { id, name, login } = row;
  const event = { action: 'password.leaked', actor: '', client, subject: login, detail: { id, name } } as const;
  await audit.commit(event, (entry) => store.passwords.revoke(id, reporter, now(), entry));
  return true;
}

async function endApiToken({ store, audit, now }: LeakParts, hash: string, client: Requester): Promise<boolean> {
  const row = await store.apiTokens.byHash(hash);
  if (row === undefined) return false;
  const { id, name, created_by: subject } = row;
  const detail = { id, name, reason: reporter };
  const event = { action: 'api-token.revoke', actor: '', client, subject, detail } as const;
  await audit.commit(event, (entry) => store.apiTokens.revoke(id, reporter, now(), entry));
  return true;
}

async function endWorkload({ store, audit, now }: LeakParts, hash: string, client: Requester): Promise<boolean> {
  const row = await store.workloadCredentials.byHash(hash);
  if (row === undefined) return false;
  const { id, account: subject, issuer, run } = row;
  const event = { action: 'workload.leaked', actor: '', client, subject, detail: { id, issuer, run } } as const;
  await audit.commit(event, (entry) => store.workloadCredentials.end(hash, now(), entry));
  return true;
}
