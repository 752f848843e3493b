/** Owns what a credential helper holds: one refresh secret for a machine, and the short passwords that come of it. */
import type { Audit } from '../audit/audit.ts';
import { type Authenticator, foldCase, type Identity } from '../identity/identity.ts';
import type { Requester } from '../identity/requester.ts';
import { Refusal } from '../lib/errors.ts';
import { createSecret, deriveSecret, hasValidChecksum, isSecretOf, type Pepper } from '../lib/secret.ts';
import { day, hour, minute } from '../lib/time.ts';
import type { MachineSecretRow, MachineStore } from '../store/machines.ts';
import type { PasswordStore } from '../store/passwords.ts';

/** Times are epoch milliseconds. */
export type Renewed = {
  readonly password: string;
  readonly passwordEndsAt: number;
  readonly login: string;
  /** The secret to keep from now on; `null`: the one that was sent. */
  readonly nextSecret: string | null;
  /** When the machine has to be approved again, whatever happens. */
  readonly endsAt: number;
};

export type Machines = {
  readonly authenticator: Authenticator;
  /**
   * A new password for a machine; renewing never widens or extends what was approved.
   * @throws {Refusal} `unauthenticated` that says why not, and what to do
   */
  renew(secret: string, client: Requester): Promise<Renewed>;
  /** Ends the machine that this is a secret of; a secret that no one has changes nothing. */
  revoke(secret: string, client: Requester): Promise<void>;
};

export type MachineParts = {
  readonly store: MachineStore;
  readonly passwords: Pick<PasswordStore, 'revoke'>;
  /** What a password with this hash proves. @throws {Refusal} where its owner or the row itself says no */
  readonly identityByHash: (hash: string) => Promise<Identity | null>;
  readonly audit: Audit;
  readonly pepper: Pepper;
  /** Hours that a password of a machine works. */
  readonly passwordHours: number;
  readonly publicUrl: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Milliseconds: a machine from its approval on, and without a use. */
export const machineLifetime = 90 * day;
const idleLimit = 30 * day;
/** A secret is replaced once a day at most: a home folder that two machines share would race otherwise. */
const rotationInterval = day;
/** The secret before counts until the new one has been used, and this long in any case: an answer can be lost. */
const overlap = 10 * minute;
/** Stands where a login does, in `revokedBy`: its owner is shown that on their page. */
const oldSecret = 'the use of an old secret of it';
/** Passwords of one machine that work at the same time. */
const maximumPasswords = 20;

export function createMachines(parts: MachineParts): Machines {
  const { store, pepper, now } = parts;
  const find = async (secret: string): Promise<MachineSecretRow | undefined> =>
    isSecretOf('dkm', secret) && hasValidChecksum(secret) ? store.secretByHash(pepper.hash(secret)) : undefined;
  return {
    authenticator: {
      recognises: ({ password }) => isSecretOf('dkt', password),
      verify: async ({ username, password }) => {
        const row = hasValidChecksum(password) ? await store.passwordByHash(pepper.hash(password)) : undefined;
        const identity = row && (await parts.identityByHash(row.owner_hash));
        if (row === undefined || identity?.account !== foldCase(username)) return null;
        if (row.ends_at > now()) return identity;
        const help = 'run the command again: the credential helper brings a new one';
        throw new Refusal('unauthenticated', `this password of a terminal has ended; ${help}`);
      },
    },
    async renew(secret, client) {
      const row = await find(secret);
      if (row === undefined) throw notSignedIn(parts);
      await parts.identityByHash(row.owner_hash);
      if (now() - lastUseOf(row) > idleLimit) throw signedOut(parts, 'this machine was not used for 30 days');
      const nextSecret = await nextOf(parts, row, client);
      const password = createSecret('dkt');
      const passwordEndsAt = Math.min(now() + parts.passwordHours * hour, row.expires_at);
      const added = { hash: pepper.hash(password), ends_at: passwordEndsAt };
      if (!(await store.addPassword(row, added, now(), maximumPasswords))) throw notSignedIn(parts);
      return { password, passwordEndsAt, login: row.login, nextSecret, endsAt: row.expires_at };
    },
    async revoke(secret, client) {
      const row = await find(secret);
      if (row === undefined) return;
      const { password_id: id, name, login } = row;
      const event = { action: 'machine.end', actor: login, client, subject: login, detail: { id, name } } as const;
      await parts.audit.commit(event, (entry) => parts.passwords.revoke(id, login, now(), entry));
    },
  };
}

/**
 * @returns the secret to keep from now on, or `null`
 * @throws {Refusal} for a secret that two others have followed, which ends the machine: someone has a copy
 */
async function nextOf(parts: MachineParts, row: MachineSecretRow, client: Requester): Promise<string | null> {
  const { store, pepper, now } = parts;
  const { password_id: id, generation, newest } = row;
  if (generation === newest) {
    if (now() - row.created_at < rotationInterval) return null;
    const next = secretOf(pepper, id, generation + 1);
    await store.rotate(id, generation + 1, pepper.hash(next), now());
    return next;
  }
  const isLate = row.newest_used_at !== null && now() - row.newest_at > overlap;
  if (generation === newest - 1 && !isLate) return secretOf(pepper, id, newest);
  const detail = { id, name: row.name, reason: 'an old secret of it was used: someone might have a copy' };
  await parts.audit.commit({ action: 'terminal.copied', actor: '', client, subject: row.login, detail }, (entry) =>
    parts.passwords.revoke(id, oldSecret, now(), entry),
  );
  throw signedOut(parts, 'an old secret of this machine was used, so it was signed out');
}

function lastUseOf({ used_at, created_at }: MachineSecretRow): number {
  return used_at ?? created_at;
}

function notSignedIn(parts: MachineParts): Refusal {
  return signedOut(parts, 'this machine is not signed in');
}

function signedOut({ publicUrl }: MachineParts, why: string): Refusal {
  return new Refusal('unauthenticated', `${why}; run docker-credential-dockpass login, or see ${publicUrl}`);
}

/** The same for all who ask at the same time. */
function secretOf(pepper: Pepper, passwordId: string, generation: number): string {
  return deriveSecret('dkm', pepper, (round) => `machine secret\0${passwordId}\0${generation}\0${round}`);
}
