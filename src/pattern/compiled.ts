/** Owns what every pattern becomes: a matcher that is kept, or the error that says what is malformed. */
import { LRUCache } from 'lru-cache';

/** Reports whether the whole of `text` matches (a glob), or some part of it (an expression between slashes). */
export type Matcher = (text: string) => boolean;

/** A pattern that can never match anything, because it is malformed. `message` says what is wrong with it. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/** A glob takes less than 1 KB, an expression up to 40. */
const maximumPatterns = 1_000;

/**
 * Keeps the matchers used last, for patterns that come with requests: compiling costs as much as a hundred matches. A rule
 * keeps its own.
 */
export function remember(compile: (pattern: string) => Matcher): (pattern: string) => Matcher {
  const kept = new LRUCache<string, Matcher>({ max: maximumPatterns });
  return (pattern) => {
    let matcher = kept.get(pattern);
    if (matcher === undefined) {
      matcher = compile(pattern);
      kept.set(pattern, matcher);
    }
    return matcher;
  };
}
