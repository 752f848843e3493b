/** Owns what a text must begin and end with to fit an expression: looking at its ends is far cheaper than matching it. */

export type Ends = { readonly prefix: string; readonly suffix: string };

/** A character that stands for itself, or a place in the expression where anything else is. */
type Atom = { readonly literal: string } | 'start' | 'end' | 'other';

const longest = 500;

/**
 * The literal text after `^` and before `$`; `''` where there is none, or where the expression is too odd to tell.
 * @param source RE2 syntax that compiles
 */
export function literalEnds(source: string): Ends {
  // Alternatives and flags change what literals mean; some escapes reach beyond their letter: \x41, \pL, \Q...\E.
  const isOdd = source.length > longest || /\||\(\?(?!:|P?<)|\\(?![dDwWsSbBAz])\w/.test(source);
  if (isOdd) return { prefix: '', suffix: '' };
  const atoms = readAtoms(source);
  const literals = (run: readonly Atom[]): string[] => {
    const end = run.findIndex((atom) => typeof atom === 'string');
    return run.slice(0, end < 0 ? run.length : end).flatMap((atom) => (typeof atom === 'string' ? [] : atom.literal));
  };
  return {
    prefix: atoms[0] === 'start' ? literals(atoms.slice(1)).join('') : '',
    suffix: atoms.at(-1) === 'end' ? literals(atoms.slice(0, -1).toReversed()).toReversed().join('') : '',
  };
}

/** Parentheses and classes need no reading: where one begins or ends, what is literal ends too. */
function readAtoms(source: string): Atom[] {
  const atoms: Atom[] = [];
  for (const [text] of source.matchAll(/\\?[\s\S]/gu)) {
    // What is repeated or left out is no literal.
    if (/^[*+?{]/.test(text) && atoms.length > 0) atoms[atoms.length - 1] = 'other';
    atoms.push(atomOf(text));
  }
  return atoms;
}

function atomOf(text: string): Atom {
  if (text === '^') return 'start';
  if (text === '$') return 'end';
  if (text.startsWith('\\')) return /\w/.test(text) ? 'other' : { literal: text.slice(1) };
  return /[.*+?(){}[\]]/.test(text) ? 'other' : { literal: text };
}
