/** Owns the `groups:` of a policy: who is in which, by e-mail, domain, group of the provider or another group. */
import { foldCase, type Identity } from '../identity/identity.ts';

/** A group that somebody is in, and by what: `by e-mail`, `by domain example.com`, `from the provider`. */
export type Membership = { readonly name: string; readonly origin: string };

/**
 * Each kind of member and the groups that it brings, those that hold these groups among them:
 * `email ana@example.com`, `domain example.com`, `account ci`, `group google:dev@example.com`.
 */
export type Groups = {
  readonly names: ReadonlySet<string>;
  readonly byMember: ReadonlyMap<string, readonly Membership[]>;
};

/** One line of a group: a key as above, or another group of the file. */
export type Member = { readonly kind: 'email' | 'domain' | 'account' | 'group'; readonly value: string };

/** A group that holds itself; `path` begins and ends with its name. */
export class GroupLoop extends Error {
  readonly path: readonly string[];

  constructor(path: readonly string[]) {
    super(`the group holds itself: ${path.join(' -> ')}`);
    this.path = path;
  }
}

export const noGroups: Groups = { names: new Set(), byMember: new Map() };

/**
 * How a member is written: an e-mail, `domain:example.com`, `group:NAME` of this file, `account:NAME` (a user of this
 * file or a robot), or a group of a provider with its prefix, `google:dev@example.com`. `null` for anything else.
 */
export function parseMember(text: string): Member | null {
  const [, prefix, rest = ''] = /^([a-z][a-z0-9_-]*):(.+)$/s.exec(text) ?? [];
  if (prefix === 'domain') return { kind: 'domain', value: foldCase(rest) };
  if (prefix === 'account') return { kind: 'account', value: rest };
  if (prefix === 'group') return { kind: 'group', value: rest };
  if (prefix !== undefined) return { kind: 'group', value: text };
  return /^[^@\s]+@[^@\s]+$/.test(text) ? { kind: 'email', value: foldCase(text) } : null;
}

/** @throws {GroupLoop} */
export function compileGroups(members: ReadonlyMap<string, readonly Member[]>): Groups {
  const byMember = new Map<string, Membership[]>();
  const parents = parentsOf(members);
  for (const name of members.keys()) refuseLoop(name, parents, [name]);
  for (const [name, list] of members) {
    for (const member of list) {
      if (member.kind === 'group' && members.has(member.value)) continue;
      const key = `${member.kind} ${member.value}`;
      byMember.set(key, [...(byMember.get(key) ?? []), ...withParents(name, originOf(member), parents)]);
    }
  }
  return { names: new Set(members.keys()), byMember };
}

/** Every group of an identity, each once, those that the provider told first. */
export function groupsOf({ byMember }: Groups, identity: Identity): Membership[] {
  const told = identity.groups.map((name) => ({ name, origin: 'from the provider' }));
  const keys = identity.groups.map((name) => `group ${name}`);
  if (identity.email !== null) keys.push(`email ${foldCase(identity.email)}`);
  if (identity.domain !== null) keys.push(`domain ${foldCase(identity.domain)}`);
  if (identity.kind !== 'anonymous') keys.push(`account ${identity.account}`);
  const all = [...told, ...keys.flatMap((key) => byMember.get(key) ?? [])];
  return [...new Map(all.toReversed().map((membership) => [membership.name, membership])).values()].toReversed();
}

function originOf({ kind, value }: Member): string {
  if (kind === 'email') return 'by e-mail';
  return kind === 'group' ? `by the provider's group ${value}` : `by ${kind} ${value}`;
}

/** Group -> the groups that name it as a member. */
function parentsOf(members: ReadonlyMap<string, readonly Member[]>): Map<string, string[]> {
  const parents = new Map<string, string[]>();
  for (const [parent, list] of members) {
    for (const { kind, value } of list) {
      if (kind === 'group' && members.has(value)) parents.set(value, [...(parents.get(value) ?? []), parent]);
    }
  }
  return parents;
}

function refuseLoop(name: string, parents: ReadonlyMap<string, readonly string[]>, path: readonly string[]): void {
  for (const parent of parents.get(name) ?? []) {
    if (parent === path[0]) throw new GroupLoop([parent, ...path.toReversed()]);
    if (!path.includes(parent)) refuseLoop(parent, parents, [...path, parent]);
  }
}

function withParents(
  name: string,
  origin: string,
  parents: ReadonlyMap<string, readonly string[]>,
): readonly Membership[] {
  const found = new Map([[name, origin]]);
  // A Map hands out what is added while it is walked: this reaches every group above, each once.
  for (const child of found.keys()) {
    for (const parent of parents.get(child) ?? []) {
      if (!found.has(parent)) found.set(parent, `through ${child}`);
    }
  }
  return [...found].map(([group, why]) => ({ name: group, origin: why }));
}
