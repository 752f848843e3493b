/** Owns whom an operator means by a name: in `policy explain`, in a test case, in a line of `policy eval`. */
import { splitEmail } from '../identity/email.ts';
import { anonymous, type Bound, foldCase, type Identity, type IdentityKind, nobody } from '../identity/identity.ts';
import { normalizeDomain } from '../lib/domain.ts';
import type { StaticUser } from './acl.ts';

export type NamedAccount = {
  /** An e-mail, a user of the policy file, or `''` for anonymous. */
  readonly account: string;
  /** Facts that are known and that the name doesn't show; a `domain` of `null` means there is none. */
  readonly kind?: IdentityKind | undefined;
  readonly domain?: string | null | undefined;
  /** 'unknown': the person can be in any group of any provider. */
  readonly groups?: readonly string[] | 'unknown' | undefined;
  /** Who made the robot's password, where that bounds it. */
  readonly maker?: NamedAccount | undefined;
  readonly labels?: Readonly<Record<string, readonly string[]>> | undefined;
};

/** Users of the file are static, a name with an `@` is a person of the domain after it, and `''` is anonymous if the file has it. */
export function identityOf(users: ReadonlyMap<string, StaticUser>, named: NamedAccount): Identity {
  const { account } = named;
  const user = users.get(account);
  if (account === '' && (user === undefined || user.passwordHash !== null)) return nobody;
  const email = user || !account.includes('@') ? null : foldCase(account);
  const kind = account === '' ? 'anonymous' : email === null ? 'static' : 'person';
  return {
    ...anonymous,
    kind: named.kind ?? kind,
    account: email ?? account,
    email,
    domain: named.domain === undefined ? domainOf(email) : named.domain && normalizeDomain(named.domain),
    groups: named.groups === 'unknown' ? [] : (named.groups ?? []),
    groupsKnown: named.groups !== 'unknown',
    labels: named.labels ?? user?.labels ?? {},
    maker: named.maker === undefined ? null : boundBy(users, named.maker),
  };
}

function boundBy(users: ReadonlyMap<string, StaticUser>, maker: NamedAccount): Bound {
  const identity = identityOf(users, maker);
  return { login: identity.account, identity, enforced: true };
}

function domainOf(email: string | null): string | null {
  return email === null ? null : normalizeDomain(splitEmail(email).domain);
}
