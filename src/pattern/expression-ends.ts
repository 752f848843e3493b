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

function readAtoms(source: string): Atom[] {
  const atoms: Atom[] = [];
  let depth = 0;
  for (let at = 0; at < source.length; ) {
    const [text, atom] = readAtom(source, at);
    at += text.length;
    if (text === '(') depth += 1;
    if (text === ')') depth -= 1;
    // What is repeated or left out is no literal, and neither is what stands in parentheses, which may be.
    if (/^[*+?{]/.test(text) && atoms.length > 0) atoms[atoms.length - 1] = 'other';
    atoms.push(depth > 0 ? 'other' : atom);
  }
  return atoms;
}

function readAtom(source: string, at: number): [text: string, atom: Atom] {
  const rest = source.slice(at);
  const bracket = /^\[\^?\]?(?:\\[\s\S]|\[:\^?\w+:\]|[^\]\\])*\]/.exec(rest)?.[0];
  if (bracket !== undefined) return [bracket, 'other'];
  if (rest.startsWith('^')) return ['^', 'start'];
  if (rest.startsWith('$')) return ['$', 'end'];
  const escaped = /^\\[\s\S]/.exec(rest)?.[0];
  if (escaped !== undefined) return [escaped, /\w/.test(escaped) ? 'other' : { literal: escaped.slice(1) }];
  const [character = ''] = rest;
  return [character, /[.*+?(){}[\]]/.test(character) ? 'other' : { literal: character }];
}
