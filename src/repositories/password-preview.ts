/** Owns what a password that isn't made yet could do: at the repositories that are known, else by its patterns. */
import type { Identity } from '../identity/identity.ts';
import type { Policy } from '../policy/acl.ts';
import { isWithin } from '../policy/decide.ts';
import { createReachOf, type Reach } from '../policy/reach.ts';
import { rights } from '../policy/repository-rights.ts';
import type { Turns } from './turns.ts';
import type { Viewer, Visibility, Visible } from './visibility.ts';

/** `bits` are those of `rights`. */
export type ServicePreview = {
  readonly service: string;
  /** Known repositories that the reader can pull, by what the password could do there; the first of each by name. */
  readonly named: readonly { readonly bits: number; readonly names: readonly string[]; readonly more: number }[];
  /** Patterns that match none of them, with what the policy gives where they match; `**` without any limit. */
  readonly unnamed: readonly PatternReach[];
};

export type PasswordPreview = {
  readonly services: readonly ServicePreview[];
  /** Patterns that match nothing that the password could be used for, at any service and from any address: that's certain. */
  readonly unreachable: readonly string[];
};

export type PreviewQuestion = {
  /** Who would log in with the password: its owner, with its limits. */
  readonly identity: Identity;
  /** Who reads the answer: only what they can pull is named or counted. */
  readonly reader: Identity;
  readonly address: string;
};

export type PreviewParts = {
  readonly policy: () => Policy;
  readonly visibility: Pick<Visibility, 'of'>;
  readonly turns: Turns;
  readonly services: readonly { readonly name: string; readonly hasList: boolean }[];
};

/** Names of each line. */
const shown = 8;

export async function previewPassword(parts: PreviewParts, question: PreviewQuestion): Promise<PasswordPreview> {
  const reaches = await reachesOf(parts, question);
  const services: ServicePreview[] = [];
  for (const { service, hasList, ofPatterns } of reaches) {
    const reached = ofPatterns.filter(isReached);
    const patterns = new Set(reached.map(({ pattern }) => pattern));
    const named = hasList ? await nameKnown(parts, question, service, patterns) : [];
    services.push({ service, named, unnamed: reached.filter(({ pattern }) => patterns.has(pattern)) });
  }
  return { services, unreachable: unreachedOf(reaches) };
}

/** The patterns that match nothing that the password could be used for, at any service. */
export async function unreachablePatterns(
  parts: Pick<PreviewParts, 'policy' | 'services' | 'turns'>,
  question: Pick<PreviewQuestion, 'identity' | 'address'>,
): Promise<string[]> {
  return unreachedOf(await reachesOf(parts, question));
}

type PatternReach = Reach & { readonly pattern: string };
type ServiceReach = {
  readonly service: string;
  readonly hasList: boolean;
  readonly ofPatterns: readonly PatternReach[];
};

/** A turn for each pattern: with a thousand rules it can take as long as a page does. */
async function reachesOf(
  { policy, services, turns }: Pick<PreviewParts, 'policy' | 'services' | 'turns'>,
  { identity, address }: Pick<PreviewQuestion, 'identity' | 'address'>,
): Promise<ServiceReach[]> {
  const patterns = identity.limits?.repositories ?? ['**'];
  const reaches: ServiceReach[] = [];
  for (const { name: service, hasList } of services) {
    const reachOf = createReachOf(policy(), identity, { service, address });
    const ofPatterns: PatternReach[] = [];
    for (const pattern of patterns) {
      await turns.next();
      ofPatterns.push({ pattern, ...reachOf(pattern) });
    }
    reaches.push({ service, hasList, ofPatterns });
  }
  return reaches;
}

/** In doubt: yes. */
function isReached({ anywhere, isComplete }: Reach): boolean {
  return anywhere !== 0 || !isComplete;
}

function unreachedOf(reaches: readonly ServiceReach[]): string[] {
  const all = reaches.flatMap(({ ofPatterns }) => ofPatterns);
  const reached = new Set(all.filter(isReached).map(({ pattern }) => pattern));
  return [...new Set(all.map(({ pattern }) => pattern))].filter((pattern) => !reached.has(pattern));
}

/**
 * What the password could do at the repositories that its reader can pull, in slices: there can be a hundred thousand.
 * @param patterns loses those that match one of them
 */
async function nameKnown(
  { visibility, turns }: PreviewParts,
  { identity, reader, address }: PreviewQuestion,
  service: string,
  patterns: Set<string>,
): Promise<ServicePreview['named']> {
  const context = { service, address };
  const [own, limited] = await bothOf(visibility, { identity: reader, context }, { identity, context });
  const lines = new Map<number, { readonly names: string[]; count: number }>();
  let turn = await turns.next();
  for (const [row, { name }] of own.known.rows.entries()) {
    if (turn.isOver()) turn = await turns.next();
    const bits = limited.rightsAt(row);
    if (bits === 0 || (own.rightsAt(row) & rights.pull) === 0) continue;
    const line = lines.get(bits) ?? { names: [], count: 0 };
    lines.set(bits, line);
    line.count += 1;
    if (line.names.length < shown) line.names.push(name);
    for (const pattern of patterns) if (isWithin([pattern], { type: 'repository', name })) patterns.delete(pattern);
  }
  const mostFirst = [...lines].sort(([a], [b]) => b - a);
  return mostFirst.map(([bits, { names, count }]) => ({ bits, names, more: count - names.length }));
}

/** Of one reading of the names, so that a row is the same repository in both. */
async function bothOf(visibility: PreviewParts['visibility'], one: Viewer, other: Viewer): Promise<[Visible, Visible]> {
  for (;;) {
    const [first, second] = [await visibility.of(one), await visibility.of(other)];
    if (first.known === second.known) return [first, second];
  }
}
