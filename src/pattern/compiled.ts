/** Owns what every pattern becomes: a matcher that is kept, or the error that says what is malformed. */

/** Says whether the whole of `text` fits (a glob), or some part of it (an expression between slashes). */
export type Matcher = (text: string) => boolean;

/** A pattern that can never match anything, because it is malformed. `message` says what is wrong with it. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/** Compiling costs some hundred matches, and the same person asks for the same repository again and again. */
const keptPatterns = 4_096;

/** Remembers what `make` made or refused; forgets all of it when it is full. */
export function remember<Made>(make: (text: string) => Made): (text: string) => Made {
  const kept = new Map<string, { readonly made: Made } | PatternError>();
  return (text) => {
    let result = kept.get(text);
    if (result === undefined) {
      if (kept.size >= keptPatterns) kept.clear();
      result = attempt(() => make(text));
      kept.set(text, result);
    }
    if (result instanceof PatternError) throw result;
    return result.made;
  };
}

function attempt<Made>(make: () => Made): { readonly made: Made } | PatternError {
  try {
    return { made: make() };
  } catch (error) {
    if (error instanceof PatternError) return error;
    throw error;
  }
}

/** Makes the matcher when a text first comes: most patterns of a policy are never asked. */
export function whenAsked(make: () => Matcher): Matcher {
  let match: Matcher | undefined;
  return (text) => {
    match ??= make();
    return match(text);
  };
}
