/** Owns the check of passwords that docker_auth made: bcrypt at the first use, and a keyed hash from then on. */

import type { PasswordCheck } from '../app-passwords/check.ts';
import type { HashCheck } from '../identity/hash-check.ts';
import { type Authenticator, type Credentials, foldCase } from '../identity/identity.ts';
import { looksLikeDockerAuthPassword, type Pepper } from '../secret.ts';
import type { PasswordStore, PasswordWithOwner } from '../store/passwords.ts';

export type ImportedCheckParts = {
  readonly store: Pick<PasswordStore, 'bcryptOf' | 'hasBcrypt' | 'replaceBcrypt'>;
  /** Of app passwords: what a secret with a keyed hash proves. */
  readonly passwords: Pick<PasswordCheck, 'identityOf'>;
  readonly hashCheck: Pick<HashCheck, 'matches'>;
  readonly pepper: Pepper;
  /** Whether a name is one of the policy file: docker_auth asks its own users first, too, and nobody else about them. */
  readonly isStaticUser: (username: string) => boolean;
  /** A hash of the policy file's users, for a name that nobody has. */
  readonly decoyFor: (username: string) => string | null;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Each costs a comparison: no person has more than one, unless several databases were imported. */
const maximumCompared = 3;
/** Of docker_auth's cost, and of no password that anybody knows. */
const decoy = '$2b$10$rFbkEvotQWolQ4pOSabOwumGJncPwKyoWtVWzHHH1qxky8J149ZOq';

/** @returns an authenticator that recognises 16 letters and digits, unless they come with a name of the policy file */
export function createImportedCheck(parts: ImportedCheckParts): Authenticator {
  return {
    recognises: ({ username, password }) => looksLikeDockerAuthPassword(password) && !parts.isStaticUser(username),
    async verify(credentials, address = '') {
      const known = await parts.passwords.identityOf(credentials);
      if (known !== null) return known;
      const rows = await parts.store.bcryptOf(foldCase(credentials.username), parts.now(), maximumCompared);
      if (rows.length === 0) await compareForNothing(parts, credentials, address);
      const row = await firstMatch(parts, rows, credentials, address);
      if (row === undefined) return null;
      const { password } = credentials;
      // Of its 16 characters the 12 that are not shown are 71 bits.
      await parts.store.replaceBcrypt(row.id, parts.pepper.hash(password), parts.pepper.id, `…${password.slice(-4)}`);
      // From here on it is a password like any other: its owner, state and end are looked at there.
      return parts.passwords.identityOf(credentials);
    },
  };
}

async function firstMatch(
  { hashCheck }: ImportedCheckParts,
  rows: readonly PasswordWithOwner[],
  { username, password }: Credentials,
  address: string,
): Promise<PasswordWithOwner | undefined> {
  for (const row of rows) {
    if (await hashCheck.matches(password, row.hash, { address, username })) return row;
  }
  return undefined;
}

/** A name that nobody has, or whose password is re-hashed already, takes as long as one that is compared. */
async function compareForNothing(parts: ImportedCheckParts, { username, password }: Credentials, address: string) {
  const hash = parts.decoyFor(username) ?? ((await parts.store.hasBcrypt(parts.now())) ? decoy : null);
  if (hash !== null) await parts.hashCheck.matches(password, hash, { address, username });
}
