/** Owns the check of passwords that docker_auth made: bcrypt at the first use, and a keyed hash from then on. */
import type { PasswordCheck } from '../app-passwords/check.ts';
import { type Authenticator, type Credentials, foldCase } from '../identity/identity.ts';
import { looksLikeDockerAuthPassword, type Pepper } from '../lib/secret.ts';
import type { HashCheck } from '../static-users/hash-check.ts';
import type { PasswordStore, PasswordWithOwner } from '../store/passwords.ts';

export type ImportedCheckParts = {
  readonly store: Pick<PasswordStore, 'bcryptOf' | 'mostBcrypt' | 'replaceBcrypt'>;
  /** Of app passwords: what a secret with a keyed hash proves. */
  readonly passwords: Pick<PasswordCheck, 'identityOf'>;
  readonly hashCheck: Pick<HashCheck, 'matches'>;
  readonly pepper: Pepper;
  /** Whether a name is one of the policy file: docker_auth also asks its own users first, and nothing else about them. */
  readonly isStaticUser: (username: string) => boolean;
  /** A hash of the policy file's users, for a name that no one has. */
  readonly decoyFor: (username: string) => string | null;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** Each costs a comparison: no person has more than one, unless several databases were imported. */
const maximumCompared = 3;
/** Of docker_auth's cost, and of no password that anyone knows; each is another, because none is compared twice. */
const decoys = ['Z', 'a', 'b'].map((one) => `$2b$10$rFbkEvotQWolQ4pOSabOwumGJncPwKyoWtVWzHHH1qxky8J149${one}Oq`);
/** Milliseconds for which the number of comparisons is kept: counting looks at every imported password. */
const keepCount = 60_000;

/** @returns an authenticator that recognises 16 letters and digits, unless they come with a name of the policy file */
export function createImportedCheck(parts: ImportedCheckParts): Authenticator {
  const { store, passwords, pepper, now } = parts;
  const most = createCount(parts);
  return {
    recognises: ({ username, password }) => looksLikeDockerAuthPassword(password) && !parts.isStaticUser(username),
    async verify(credentials, address = '') {
      const known = await passwords.identityOf(credentials);
      if (known !== null) return known;
      const rows = await store.bcryptOf(foldCase(credentials.username), now(), maximumCompared);
      // Another request with the same password may have re-hashed it between the two look-ups.
      const meanwhile = await passwords.identityOf(credentials);
      if (meanwhile !== null) return meanwhile;
      const hashes = padded(parts, rows, credentials.username, await most());
      const row = rows[await firstMatch(parts, hashes, credentials, address)];
      if (row === undefined) return null;
      const { password } = credentials;
      // Of its 16 characters the 12 that are not shown are 71 bits.
      await store.replaceBcrypt(row.id, pepper.hash(password), pepper.id, `…${password.slice(-4)}`);
      // From here on it is a password like any other: its owner, state and end are looked at there.
      return passwords.identityOf(credentials);
    },
  };
}

/** How many comparisons a wrong password costs: as many as for the person who has most hashes. */
function createCount({ store, now }: ImportedCheckParts): () => Promise<number> {
  let known = { count: 0, at: 0 };
  return async () => {
    // While there are none, asking costs nothing, and an import is noticed immediately.
    if (known.count > 0 && now() - known.at < keepCount) return known.count;
    known = { count: Math.min(maximumCompared, await store.mostBcrypt()), at: now() };
    return known.count;
  };
}

/** The hashes to compare: a name that no one has, or with fewer of them, takes as long as any other. */
function padded(
  parts: ImportedCheckParts,
  rows: readonly PasswordWithOwner[],
  username: string,
  most: number,
): readonly string[] {
  const name = foldCase(username);
  const policyHash = rows.length === 0 ? parts.decoyFor(name) : null;
  // A name that no one has can look like either kind; which one can't be computed, and asking twice gives the same.
  const likePolicy = policyHash !== null && (most === 0 || /^[A-Za-f]/.test(parts.pepper.hash(`decoy\0${name}`)));
  if (likePolicy) return [policyHash];
  const own = rows.map(({ hash }) => hash);
  return [...own, ...decoys.slice(0, Math.max(0, most - own.length))];
}

/** The place of the hash that the password has, or -1. */
async function firstMatch(
  { hashCheck }: ImportedCheckParts,
  hashes: readonly string[],
  { username, password }: Credentials,
  address: string,
): Promise<number> {
  for (const [index, hash] of hashes.entries()) {
    if (await hashCheck.matches(password, hash, { address, username })) return index;
  }
  return -1;
}
