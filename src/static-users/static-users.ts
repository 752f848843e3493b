/** Owns the users of the policy file: bcrypt hashes as docker_auth has them, and the anonymous user `""`. */
import { createHash } from 'node:crypto';
import { type Authenticator, anonymous, type Credentials, type Identity, nobody } from '../identity/identity.ts';
import { normalized } from '../lib/unicode.ts';
import type { HashCheck } from './hash-check.ts';

/** A user of the policy file. `passwordHash: null` lets anyone in under that name, as docker_auth does. */
export type StaticUser = {
  readonly passwordHash: string | null;
  readonly labels: Readonly<Record<string, readonly string[]>>;
};

export type StaticUsers = {
  readonly authenticator: Authenticator;
  /** For requests without credentials: the user `""`; if the policy has none, an identity that gets nothing. */
  anonymous(): Identity;
};

/**
 * @param users the users of the policy in force; asked each time, because the policy can be reloaded
 * @param check compares a password with a bcrypt hash
 * @param isElsewhere whether another authenticator recognises the credentials: then they are none of ours
 */
export function createStaticUsers(
  users: () => ReadonlyMap<string, StaticUser>,
  check: Pick<HashCheck, 'matches'>,
  isElsewhere: (credentials: Credentials) => boolean,
): StaticUsers {
  return {
    authenticator: {
      recognises: (credentials) => !isElsewhere(credentials),
      async verify({ username, password }, address = '') {
        const known = users();
        const user = known.get(username);
        if (user?.passwordHash === null) return identityOfStaticUser(username, user);
        // Looked up in any case, so that the time reveals nothing.
        const decoy = decoyFor(username, known);
        const hash = user?.passwordHash ?? decoy;
        if (hash === null) return null;
        for (const form of formsOf(password)) {
          const matches = await check.matches(form, hash, { address, username });
          if (matches) return user === undefined ? null : identityOfStaticUser(username, user);
        }
        return null;
      },
    },
    anonymous() {
      const user = users().get('');
      // As in docker_auth, which compares the hash with no password.
      return user === undefined || user.passwordHash !== null ? nobody : identityOfStaticUser('', user);
    },
  };
}

/**
 * As it was sent, and in the other Unicode forms, of which a Mac composes another than the one that was hashed (RFC 7617
 * section 2.1 leaves it to the client). One form, and one comparison, for all of ASCII.
 */
function formsOf(password: string): readonly string[] {
  return [...new Set([password, normalized(password), normalized(password, 'NFD')])];
}

export function identityOfStaticUser(username: string, user: Pick<StaticUser, 'labels'>): Identity {
  const kind = username === '' ? 'anonymous' : 'static';
  return { ...anonymous, kind, account: username, labels: user.labels };
}

/** By the users of one policy, which never change. */
const hashesOf = new WeakMap<ReadonlyMap<string, StaticUser>, readonly string[]>();

/**
 * A hash for a name that isn't there, so that an unknown user costs the time of a wrong password; `null` where no user
 * has one. Which of the users' hashes it is depends only on the name: asking twice reveals nothing either.
 */
export function decoyFor(username: string, users: ReadonlyMap<string, StaticUser>): string | null {
  const hashes = hashesOf.get(users) ?? [...users.values()].flatMap(({ passwordHash }) => passwordHash ?? []);
  hashesOf.set(users, hashes);
  if (hashes.length === 0) return null;
  const index = createHash('sha256').update(username).digest().readUInt32BE() % hashes.length;
  return hashes[index] ?? null;
}
