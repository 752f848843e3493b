/** Owns what a password that isn't made yet could do: at the repositories that are known, else by its patterns. */
import type { Identity } from '../identity/identity.ts';
import type { Policy } from '../policy/acl.ts';
import { isWithin } from '../policy/decide.ts';
import { createReachOf, type Reach } from '../policy/reach.ts';
import { rights } from '../policy/repository-rights.ts';
import type { Visibility } from './visibility.ts';

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
  readonly services: readonly { readonly name: string; readonly hasList: boolean }[];
};

/** Names of each line. */
const shown = 8;

export async function previewPassword(parts: PreviewParts, question: PreviewQuestion): Promise<PasswordPreview> {
  const reaches = reachesOf(parts, question);
  const services: ServicePreview[] = [];
  for (const { service, hasList, ofPatterns } of reaches) {
    const known = hasList ? await knownOf(parts, question, service) : new Map<string, number>();
    const names = [...known.keys()];
    const isNamed = (pattern: string) => names.some((name) => isWithin([pattern], { type: 'repository', name }));
    const unnamed = ofPatterns.filter((reach) => isReached(reach) && !isNamed(reach.pattern));
    services.push({ service, named: namedOf(known), unnamed });
  }
  return { services, unreachable: unreachedOf(reaches) };
}

/** The patterns that match nothing that the password could be used for, at any service. */
export function unreachablePatterns(
  parts: Pick<PreviewParts, 'policy' | 'services'>,
  question: Pick<PreviewQuestion, 'identity' | 'address'>,
): string[] {
  return unreachedOf(reachesOf(parts, question));
}

type PatternReach = Reach & { readonly pattern: string };
type ServiceReach = {
  readonly service: string;
  readonly hasList: boolean;
  readonly ofPatterns: readonly PatternReach[];
};

function reachesOf(
  { policy, services }: Pick<PreviewParts, 'policy' | 'services'>,
  { identity, address }: Pick<PreviewQuestion, 'identity' | 'address'>,
): ServiceReach[] {
  const patterns = identity.limits?.repositories ?? ['**'];
  return services.map(({ name: service, hasList }) => {
    const reachOf = createReachOf(policy(), identity, { service, address });
    return { service, hasList, ofPatterns: patterns.map((pattern) => ({ pattern, ...reachOf(pattern) })) };
  });
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

/** What the password could do at each repository that its reader can pull, by name; not those at which it could do nothing. */
async function knownOf(
  { visibility }: PreviewParts,
  { identity, reader, address }: PreviewQuestion,
  service: string,
): Promise<ReadonlyMap<string, number>> {
  const context = { service, address };
  const own = await visibility.of({ identity: reader, context });
  const pullable = new Set(
    own.known.rows.flatMap(({ name }, row) => ((own.rightsAt(row) & rights.pull) === 0 ? [] : name)),
  );
  const limited = await visibility.of({ identity, context });
  const found = limited.known.rows.map(({ name }, row) => [name, limited.rightsAt(row)] as const);
  return new Map(found.filter(([name, bits]) => bits !== 0 && pullable.has(name)));
}

/** Most rights first. */
function namedOf(known: ReadonlyMap<string, number>): ServicePreview['named'] {
  const byBits = Map.groupBy(known, ([, bits]) => bits);
  return [...byBits]
    .sort(([a], [b]) => b - a)
    .map(([bits, entries]) => ({
      bits,
      names: entries.slice(0, shown).map(([name]) => name),
      more: Math.max(0, entries.length - shown),
    }));
}
