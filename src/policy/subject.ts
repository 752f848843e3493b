/** Owns what the conditions of a rule look at: who asks, from where, for what. */
import { splitEmail, withAsciiDomain } from '../identity/email.ts';
import type { Identity, IdentityKind } from '../identity/identity.ts';
import { unknownAddress } from '../lib/unknown-address.ts';
import type { Access } from '../scope.ts';
import { parseAddress } from './address.ts';
import { type Groups, groupsOf, groupsThrough } from './groups.ts';

/** What a decision depends on besides identity and access. */
export type DecisionContext = {
  /** The `service` of the token request: the registry that asks. */
  readonly service: string;
  /** The client's address; a text that isn't an address is in no network, and `unknownAddress` may be in any. */
  readonly address: string;
};

export type Subject = {
  readonly account: string;
  /** The same with the domain in ASCII, as patterns see it, too. */
  readonly asciiAccount: string;
  readonly type: string;
  readonly name: string;
  readonly service: string;
  readonly kind: IdentityKind;
  /** `null`: unknown, and then no condition on it holds. */
  readonly domain: string | null;
  /** The local part of the e-mail. */
  readonly user: string | null;
  readonly labels: Readonly<Record<string, readonly string[]>>;
  /** Groups of the policy file and of the provider. */
  readonly groups: readonly string[];
  /**
   * Not `null`: conditions also hold where some group that begins with this would make them hold; '' is any provider's.
   * Such a subject tells what may match, never what does.
   */
  readonly anyGroupOf: string | null;
  readonly address: ReturnType<typeof parseAddress>;
  /** Conditions on any network hold. Such a subject, too, tells what may match, never what does. */
  readonly isAnywhere: boolean;
  /** The same as it was given. */
  readonly clientAddress: string;
};

/** Who asks, where and from where: a subject without what it asks for. */
export type Principal = Omit<Subject, 'type' | 'name'>;

/** @param groups `null` where nothing looks at them: working them out takes time */
export function principalOf(
  groups: Groups | null,
  identity: Identity,
  { service, address }: DecisionContext,
): Principal {
  const { account, kind, domain, email, labels } = identity;
  return {
    account,
    asciiAccount: withAsciiDomain(account),
    service,
    kind,
    domain,
    labels,
    user: email === null ? null : splitEmail(email).user,
    groups: groups === null ? [] : groupsOf(groups, identity).map(({ name }) => name),
    anyGroupOf: null,
    address: parseAddress(address),
    isAnywhere: false,
    clientAddress: address,
  };
}

/** The principal that asks for an access. */
export function asking(principal: Principal, { type, name }: Pick<Access, 'type' | 'name'>): Subject {
  return { ...principal, type, name };
}

export function subjectOf(groups: Groups, identity: Identity, access: Access, context: DecisionContext): Subject {
  return asking(principalOf(groups, identity, context), access);
}

export function mayBeAnywhere({ clientAddress }: Subject): boolean {
  return clientAddress === unknownAddress;
}

/**
 * The same subject in every group, and at every address, that it may have; `null` where all of it is known. More groups and
 * addresses never make a condition fail, so a rule that doesn't match this subject matches none of the possibilities.
 */
export function widestOf(groups: Groups, identity: Identity, subject: Subject): Subject | null {
  const widest = inAllGroups(groups, identity, subject);
  return mayBeAnywhere(subject) ? { ...(widest ?? subject), isAnywhere: true } : widest;
}

function inAllGroups(groups: Groups, identity: Identity, subject: Subject): Subject | null {
  const { undecidedGroups } = identity;
  if (identity.groupsKnown) {
    if (undecidedGroups.length === 0) return null;
    const possible = groupsOf(groups, { ...identity, groups: [...identity.groups, ...undecidedGroups] });
    return { ...subject, groups: possible.map(({ name }) => name) };
  }
  const anyGroupOf = identity.provider === null ? '' : `${identity.provider}:`;
  return { ...subject, anyGroupOf, groups: [...new Set([...subject.groups, ...groupsThrough(groups, anyGroupOf)])] };
}
