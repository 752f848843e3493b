/** Owns examples of the repository names that a glob matches: one of each kind that other patterns tell apart. */
import { isExpression } from './expression.ts';
import { type GlobStep, globProblem, stepsOf } from './glob.ts';

export type Examples = {
  readonly names: readonly string[];
  /** False where a pattern can't be followed, or there are too many kinds: then there can be names of other kinds. */
  readonly isComplete: boolean;
};

/** Names that are at the same states of all globs and can go on in the same way; `name` is the shortest. */
type Kind = {
  readonly name: string;
  readonly form: Form;
  /** Without the globs that can't match any more; the one that is asked about comes first. */
  readonly globs: readonly { readonly walk: Walk; readonly state: State }[];
};

/** What a name consists of (distribution, reference/regexp.go), and what decides about its next character. */
const alphabet = [...'abcdefghijklmnopqrstuvwxyz0123456789-_./'];
type Form = 'begin' | 'word' | '.' | '_' | '__' | '-';
const longestName = 255;

/** Steps that are tried: milliseconds, as a password can have twenty globs. */
const maximumWork = 40_000;

/** Follows all globs along the same names, as far as `glob` goes. @param others globs, and expressions between slashes */
export function examplesOf(glob: string, others: readonly string[]): Examples {
  if (!/[*?[\\]/.test(glob)) return { names: [glob], isComplete: true };
  const near = [...new Set(others)].filter((other) => !isElsewhere(other, glob));
  const globs = [glob, ...near.filter(canFollow)];
  const characters = charactersFor(globs);
  const walks = globs.map((one, id) => walkOf(stepsOf(one), id));
  const examples = new Map<string, string>();
  const known = new Set<string>();
  const kinds: Kind[] = [{ name: '', form: 'begin', globs: walks.map((walk) => ({ walk, state: walk.begin })) }];
  let work = 0;
  // An array hands out what is added while it's walked: every kind is reached, by its shortest name.
  for (const kind of kinds) {
    const matching = matchingOf(kind);
    if (matching !== null && !examples.has(matching)) examples.set(matching, kind.name);
    work += kind.globs.length * characters.length;
    if (work > maximumWork) return { names: [...examples.values()], isComplete: false };
    for (const next of nextKinds(kind, characters)) {
      const key = `${next.form} ${next.globs.map(({ state }) => state.id).join(' ')}`;
      if (!known.has(key)) kinds.push(next);
      known.add(key);
    }
  }
  return { names: [...examples.values()], isComplete: [glob, ...near].every(canFollow) };
}

/** Not an expression, a variable, or a class by exclusion, with which the search of `path.Match` isn't a walk. */
function canFollow(pattern: string): boolean {
  return !isExpression(pattern) && !/\$\{|\[\^/.test(pattern) && globProblem(pattern) === null;
}

/** Whether a pattern matches none of the glob's names for certain: both begin with plain text, which differs. */
function isElsewhere(pattern: string, glob: string): boolean {
  const [beginning, prefix] = [beginningOf(pattern), beginningOf(glob)];
  const length = Math.min(beginning.length, prefix.length);
  return beginning.slice(0, length) !== prefix.slice(0, length);
}

/** Plain text with which all begins that the pattern matches; '' where that isn't certain. */
function beginningOf(pattern: string): string {
  if (!isExpression(pattern)) return /^(?:(?!\$\{)[^*?[\\])*/.exec(pattern)?.[0] ?? '';
  if (/\||\(\?/.test(pattern)) return '';
  return /^\/\^([\w/-]+)(?![*+?{])/.exec(pattern.slice(0, -1))?.[1] ?? '';
}

/** Which globs match the name; `null` where it's no name, or the glob that is asked about doesn't. */
function matchingOf({ form, globs }: Kind): string | null {
  if (form !== 'word') return null;
  const matching = globs.filter(({ state }) => state.isEnd);
  return matching[0]?.walk.id === 0 ? matching.map(({ walk }) => walk.id).join() : null;
}

function nextKinds({ name, form, globs }: Kind, characters: readonly string[]): Kind[] {
  if (name.length === longestName) return [];
  return characters.flatMap((character) => {
    const next = formAfter(form, character);
    if (next === null) return [];
    const alive: { walk: Walk; state: State }[] = [];
    for (const { walk, state } of globs) {
      const after = walk.after(state, character);
      if (after !== null) alive.push({ walk, state: after });
      else if (walk.id === 0) return [];
    }
    return { name: name + character, form: next, globs: alive };
  });
}

/** `null` where no name goes on like that. */
function formAfter(form: Form, character: string): Form | null {
  if (/[a-z0-9]/.test(character)) return 'word';
  if (character === '-') return form === 'word' || form === '-' ? '-' : null;
  if (character === '_' && form === '_') return '__';
  if (form !== 'word') return null;
  return character === '/' ? 'begin' : character === '.' ? '.' : '_';
}

/** Those that some glob has, and one for all that none has: no glob tells these apart, unless it has a class. */
function charactersFor(globs: readonly string[]): string[] {
  const text = globs.join('');
  if (text.includes('[')) return alphabet;
  const other = alphabet.find((character) => /[a-z0-9]/.test(character) && !text.includes(character)) ?? [];
  return alphabet.filter((character) => character === '/' || text.includes(character)).concat(other);
}

/** Where in a glob a name can be after its first characters. */
type State = {
  /** No other state of any glob of the walk has it. */
  readonly id: string;
  readonly places: readonly number[];
  readonly isEnd: boolean;
  /** What is known of the next characters; `null`: the glob doesn't match any more. */
  readonly next: Map<string, State | null>;
};

type Walk = { readonly id: number; readonly begin: State; after(state: State, character: string): State | null };

/** @param id of the glob among those that are followed together; 0: the one that is asked about */
function walkOf(steps: readonly GlobStep[], id: number): Walk {
  const states = new Map<string, State>();
  const stateAt = (places: Iterable<number>): State | null => {
    const found = new Set(places);
    // A star takes nothing, too.
    for (const place of found) if (typeof steps[place] === 'string') found.add(place + 1);
    if (found.size === 0) return null;
    const sorted = [...found].sort((a, b) => a - b);
    const key = sorted.join();
    const isEnd = found.has(steps.length);
    const state = states.get(key) ?? { id: `${id}:${states.size}`, places: sorted, isEnd, next: new Map() };
    states.set(key, state);
    return state;
  };
  const onward = (place: number, character: string): number[] => {
    const step = steps[place];
    if (step === undefined) return [];
    if (typeof step !== 'string') return step(character) ? [place + 1] : [];
    return step === 'deep' || character !== '/' ? [place] : [];
  };
  const begin = stateAt([0]);
  if (begin === null) throw new Error('a glob begins somewhere');
  return {
    id,
    begin,
    after(state, character) {
      let next = state.next.get(character);
      if (next === undefined) {
        next = stateAt(state.places.flatMap((place) => onward(place, character)));
        state.next.set(character, next);
      }
      return next;
    },
  };
}
