/** Owns the `groups:` of a policy: who is in which, by e-mail, domain, group of the provider or another group. */
import { foldEmail, withAsciiDomain } from '../identity/email.ts';
import type { Identity } from '../identity/identity.ts';
import { normalizeDomain } from '../lib/domain.ts';

/** A group that someone is in, and why: `by e-mail`, `by domain example.com`, `via google:dev`, `from the provider`. */
export type Membership = { readonly name: string; readonly origin: string };

export type Groups = {
  readonly names: ReadonlySet<string>;
  /**
   * Each kind of member and the groups that list it: `email ana@example.com`, `domain example.com`, `account ci`,
   * `group google:dev@example.com`.
   */
  readonly byMember: ReadonlyMap<string, readonly Membership[]>;
  /** Group -> the groups of the file that list it. */
  readonly parents: ReadonlyMap<string, readonly string[]>;
};

const memberKinds = ['email', 'domain', 'account', 'group'] as const;
/** One line of a group: a key as above, or another group of the file. */
export type Member = { readonly kind: (typeof memberKinds)[number]; readonly value: string };

/** A group that holds itself; `path` begins and ends with its name. */
export class GroupLoop extends Error {
  readonly path: readonly string[];

  constructor(path: readonly string[]) {
    super(`the group holds itself: ${path.join(' -> ')}`);
    this.path = path;
  }
}

export const noGroups: Groups = { names: new Set(), byMember: new Map(), parents: new Map() };

/**
 * How a member is written: an e-mail, `domain:example.com`, `group:NAME` of this file, `account:NAME` (a user of this
 * file or a robot), or a group of a provider with its prefix, `google:dev@example.com`. `null` for anything else.
 */
export function parseMember(text: string): Member | null {
  const [, prefix, rest = ''] = /^([a-z][a-z0-9_-]*):(.+)/s.exec(text) ?? [];
  if (prefix === 'domain') return { kind: 'domain', value: normalizeDomain(rest) };
  if (prefix === 'account') return { kind: 'account', value: withAsciiDomain(rest.normalize('NFC')) };
  if (prefix === 'group') return { kind: 'group', value: rest };
  if (prefix !== undefined) return { kind: 'group', value: text };
  return /^[^@\s]+@[^@\s]+$/.test(text) ? { kind: 'email', value: foldEmail(text) } : null;
}

/** @throws {GroupLoop} */
export function compileGroups(members: ReadonlyMap<string, readonly Member[]>): Groups {
  const byMember = new Map<string, Membership[]>();
  const parents = new Map<string, string[]>();
  const children = new Map<string, string[]>();
  for (const [name, list] of members) {
    const own = new Set<string>();
    const others = new Map<string, Member>();
    for (const member of list) {
      if (member.kind === 'group' && members.has(member.value)) own.add(member.value);
      else others.set(`${member.kind} ${member.value}`, member);
    }
    children.set(name, [...own]);
    for (const child of own) addTo(parents, child, name);
    for (const [key, member] of others) addTo(byMember, key, { name, origin: originOf(member) });
  }
  refuseLoops(children, parents);
  return { names: new Set(members.keys()), byMember, parents };
}

function addTo<Item>(lists: Map<string, Item[]>, key: string, item: Item): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}

/** Every group of an identity, each once, those that the provider reported first. */
export function groupsOf(groups: Groups, identity: Identity): Membership[] {
  const told = new Set(identity.groups);
  const keys = [...told].map((name) => `group ${name}`);
  if (identity.email !== null) keys.push(`email ${foldEmail(identity.email)}`);
  if (identity.domain !== null) keys.push(`domain ${normalizeDomain(identity.domain)}`);
  if (identity.kind !== 'anonymous') keys.push(`account ${withAsciiDomain(identity.account)}`);
  const found = withParents(
    keys.flatMap((key) => groups.byMember.get(key) ?? []),
    groups.parents,
  );
  return [
    ...[...told].map((name) => ({ name, origin: 'from the provider' })),
    ...found.filter(({ name }) => !told.has(name)),
  ];
}

/**
 * The groups of the file that someone is in if they're in some group of a provider.
 * @param prefix of the provider's groups, `keycloak:`; '' for any provider
 */
export function groupsThrough({ byMember, parents }: Groups, prefix: string): string[] {
  const direct = [...byMember].flatMap(([key, groups]) => (key.startsWith(`group ${prefix}`) ? groups : []));
  return withParents(direct, parents).map(({ name }) => name);
}

/** Everything that makes someone a member of a group, also through other groups of the file; empty for a group that isn't in it. */
export function membersOf({ byMember, parents }: Groups, name: string): Member[] {
  const children = new Map<string, string[]>();
  for (const [child, above] of parents) for (const parent of above) addTo(children, parent, child);
  const within = new Set([name]);
  // A Set hands out what is added while it is walked: this reaches every group below, each once.
  for (const group of within) for (const child of children.get(group) ?? []) within.add(child);
  return [...byMember]
    .filter(([, groups]) => groups.some((group) => within.has(group.name)))
    .flatMap(([key]) => {
      const kind = memberKinds.find((each) => key.startsWith(`${each} `));
      return kind === undefined ? [] : [{ kind, value: key.slice(kind.length + 1) }];
    });
}

function originOf({ kind, value }: Member): string {
  if (kind === 'email') return 'by e-mail';
  return kind === 'group' ? `via ${value}` : `by ${kind} ${value}`;
}

/** These and every group above them, each once, by the first way that leads there. */
function withParents(direct: readonly Membership[], parents: Groups['parents']): Membership[] {
  const found = new Map<string, string>();
  for (const { name, origin } of direct) {
    if (found.has(name)) continue;
    found.set(name, origin);
    const waiting = [name];
    for (const child of waiting) {
      for (const parent of parents.get(child) ?? []) {
        if (found.has(parent)) continue;
        found.set(parent, `through ${child}`);
        waiting.push(parent);
      }
    }
  }
  return [...found].map(([name, origin]) => ({ name, origin }));
}

/**
 * A group whose own groups have no loop has none either, so these are taken away step by step; what is left contains itself, or a group that does.
 * @throws {GroupLoop}
 */
function refuseLoops(children: ReadonlyMap<string, readonly string[]>, parents: Groups['parents']): void {
  const open = new Map([...children].map(([name, { length }]) => [name, length]));
  const settled = [...open].flatMap(([name, count]) => (count === 0 ? name : []));
  for (const name of settled) {
    open.delete(name);
    for (const parent of parents.get(name) ?? []) {
      const left = (open.get(parent) ?? 0) - 1;
      open.set(parent, left);
      if (left === 0) settled.push(parent);
    }
  }
  const visited = new Set<string>();
  for (let [at] = open.keys(); at !== undefined; at = children.get(at)?.find((child) => open.has(child))) {
    const path = [...visited];
    if (visited.has(at)) throw new GroupLoop([...path.slice(path.indexOf(at)), at]);
    visited.add(at);
  }
}
