/** Owns telling expressions that are surely well-formed, without compiling them: most are plain, and most are never asked. */

/** What stands for itself, in Go's RE2 syntax and in re2js alike. */
const literal = String.raw`[^\\^$.|?*+()[\]{}]`;
const escaped = String.raw`\\[.\-+*?()|[\]{}^$/@dDwWsS]`;
const inClass = String.raw`a-z|A-Z|0-9|[\w@./+]|\\[.\-/dDwWsS]`;
const one = String.raw`(?:${literal}|${escaped}|\.|\[\^?(?:${inClass})+-?\])`;
/**
 * How often something is repeated, where it is less than what takes its time to compile (Go limits it to 1,000). With a zero
 * before it, it counts nothing: `a{01}` is five characters.
 */
export const times = String.raw`(?:\d|[1-9]\d)`;
const count = String.raw`\{${times}(?:,${times}?)?\}`;
/** No repetition of a repetition. */
const repeated = String.raw`(?:(?:[*+?]|${count})\??)?`;
const repeatedGroup = String.raw`(?:[*+?]\??)?`;
const anchor = String.raw`[\^$|]|\\[bB]`;
const flat = `(?:${one}${repeated}|${anchor})*`;
const nested = (inner: string): string =>
  String.raw`(?:${one}${repeated}|${anchor}|\((?:\?:)?${inner}\)${repeatedGroup})*`;
const plain = new RegExp(String.raw`^(?:\^?\(\?i\))?${nested(nested(flat))}$`);
const range = /\{(\d+),(\d+)\}/g;
/** What is longer takes its time to compile: better when the policy is read than during somebody's request. */
const longest = 500;

/**
 * Whether an expression is sure to compile. False says nothing.
 * @param source RE2 syntax, without the slashes
 */
export function isPlainExpression(source: string): boolean {
  return source.length <= longest && plain.test(source) && [...source.matchAll(range)].every(isRising);
}

function isRising([, least, most]: readonly string[]): boolean {
  return Number(least) <= Number(most);
}

/** Alternatives that stand for themselves, and whether the text must begin and end with them. */
export type Words = { readonly words: readonly string[]; readonly start: boolean; readonly end: boolean };

const word = String.raw`(?:[\w@ :,/-]|\\[.\-+@/])*`;
const words = new RegExp(String.raw`^(\^?)(?:(${word})|\((?:\?:)?(${word}(?:\|${word})*)\))(\$?)$`);

/** `^(ana|bo)$` and the like, which need no engine; `null` for what is more. */
export function wordsOf(source: string): Words | null {
  const found = words.exec(source);
  if (found === null) return null;
  const [, start, single, several, end] = found;
  const written = (single ?? several ?? '').split('|');
  return { words: written.map((one) => one.replaceAll('\\', '')), start: start !== '', end: end !== '' };
}
