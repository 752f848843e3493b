/** Owns the pattern language of policies and of narrowed passwords: globs as in Go's `path.Match`, `**`, and RE2 between slashes. */
import { RE2JS } from 're2js';
import { literalEnds } from './expression-ends.ts';
import { isPlainExpression, type Words, wordsOf } from './plain-expression.ts';

/** Says whether the whole of `text` fits (a glob), or some part of it (an expression between slashes). */
export type Matcher = (text: string) => boolean;

/** A pattern that can never match anything, because it is malformed. `message` says what is wrong with it. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/** A pattern is an expression when it stands between slashes and is longer than the two of them (docker_auth). */
export function isExpression(pattern: string): boolean {
  return pattern.length > 2 && pattern.startsWith('/') && pattern.endsWith('/');
}

/** Escapes what has a meaning in RE2, as Go's `regexp.QuoteMeta`. It is also right inside a glob, where `\` escapes. */
export function quoteMeta(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}

/** Compiling costs some hundred matches, and the same person asks for the same repository again and again. */
const keptPatterns = 4_096;

/** Remembers what `make` made or refused; forgets all of it when it is full. */
function remember<Made>(make: (text: string) => Made): (text: string) => Made {
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

/**
 * @param source without the slashes
 * @throws {PatternError}
 */
export const compileExpression: (source: string) => RE2JS = remember(compileNew);

function compileNew(source: string): RE2JS {
  try {
    return RE2JS.compile(source);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    // Go lets two groups have one name, RE2 does not. Captures go by number, so the names may as well go.
    const unnamed = message.includes('duplicate capture group name') ? withoutNames(source) : source;
    if (unnamed !== source) return compileNew(unnamed);
    throw new PatternError(message, { cause });
  }
}

/** `(?P<name>a)` -> `(a)`; what looks like it in a class or a quote stays. */
function withoutNames(source: string): string {
  const literal = /\\Q[\s\S]*?(?:\\E|$)|\\[\s\S]|\[\^?\]?(?:\\[\s\S]|\[:\^?\w+:\]|[^\]\\])*\]/;
  const token = new RegExp(`(${literal.source})|\\(\\?P?<\\w+>`, 'g');
  return source.replace(token, (_, kept?: string) => kept ?? '(');
}

/**
 * @param doubleStar whether `**` crosses slashes; docker_auth reads it as `*`
 * @throws {PatternError} the pattern is malformed; docker_auth lets such a glob pass and it never matches
 */
export function compilePattern(pattern: string, { doubleStar }: { doubleStar: boolean }): Matcher {
  if (isExpression(pattern)) return matcherOf(pattern.slice(1, -1));
  return compileGlob(pattern, { doubleStar });
}

/**
 * Says what is malformed about a pattern, for less than it costs to compile it.
 * @throws {PatternError}
 */
export function checkPattern(pattern: string): void {
  if (isExpression(pattern)) checkExpression(pattern.slice(1, -1));
  else checkGlob(pattern);
}

function checkExpression(source: string): void {
  if (!isPlainExpression(source)) compileExpression(source);
}

/** Only classes and escapes can be malformed. */
function checkGlob(glob: string): void {
  if (/[[\\]/.test(glob)) parseGlob(glob, stringRune);
}

/** Says at once what is malformed, and compiles when first asked. */
const matcherOf = remember((source): Matcher => {
  checkExpression(source);
  let match: Matcher | undefined;
  return (text) => {
    match ??= expressionMatcher(source);
    return match(text);
  };
});

function expressionMatcher(source: string): Matcher {
  const words = wordsOf(source);
  if (words) return wordMatcher(words);
  const { prefix, suffix } = literalEnds(source);
  let expression: RE2JS | undefined;
  return (text) => {
    if (!text.startsWith(prefix) || !text.endsWith(suffix)) return false;
    expression ??= compileExpression(source);
    return expression.test(text);
  };
}

function wordMatcher({ words, start, end }: Words): Matcher {
  if (start && end) return (text) => words.includes(text);
  if (start) return (text) => words.some((word) => text.startsWith(word));
  if (end) return (text) => words.some((word) => text.endsWith(word));
  return (text) => words.some((word) => text.includes(word));
}

/**
 * `*` and `?` stay within a path segment, `[a-c]` and `[^a]` are classes, `\` escapes; the whole text must fit.
 * @throws {PatternError}
 */
export function compileGlob(glob: string, { doubleStar }: { doubleStar: boolean }): Matcher {
  return doubleStar ? deepGlob(glob) : goGlob(glob);
}

const goGlob = remember((glob) => compileNewGlob(glob, false));
const deepGlob = remember((glob) => compileNewGlob(glob, true));

function compileNewGlob(glob: string, doubleStar: boolean): Matcher {
  const special = /[*?[\\]/.exec(glob);
  if (!special) return (text) => text === glob;
  const prefix = glob.slice(0, special.index);
  const rest = glob.slice(special.index);
  // Most globs end in their only stars.
  if (rest === '*') return (text) => text.startsWith(prefix) && !text.includes('/', prefix.length);
  if (rest === '**' && doubleStar) return (text) => text.startsWith(prefix);
  checkGlob(glob);
  let match: Matcher | undefined;
  return (text) => {
    match ??= globMatcher(glob, doubleStar);
    return match(text);
  };
}

function globMatcher(glob: string, doubleStar: boolean): Matcher {
  const chunks = parseGlob(utf8(glob), byteRune);
  if (!doubleStar || chunks.every(({ star }) => star !== 'deep')) return (text) => matchChunks(chunks, utf8(text));
  const expression = compileExpression(toExpression(parseGlob(glob, stringRune)));
  return (text) => expression.test(text);
}

/** What is wrong with a glob (with `**`), in words that complete "the pattern is not usable: ...", or `null`. */
export function globProblem(glob: string): string | null {
  try {
    parseGlob(glob, stringRune);
    return null;
  } catch (error) {
    if (error instanceof PatternError) return error.message;
    throw error;
  }
}

/** Reads the code point at a place, and how many places it takes. */
type RuneAt = (text: string, at: number) => [point: number, size: number];

/** A piece of a glob between stars, and the star before it. */
type Chunk = { readonly star: 'none' | 'one' | 'deep'; readonly items: readonly Item[] };
type Item = number | 'any' | CharacterClass;
type CharacterClass = { readonly negated: boolean; readonly ranges: readonly (readonly [low: number, high: number])[] };

function parseGlob(glob: string, runeAt: RuneAt): Chunk[] {
  const chunks: Chunk[] = [];
  let star: Chunk['star'] = 'none';
  let items: Item[] = [];
  for (let at = 0; at < glob.length; ) {
    if (glob[at] === '*') {
      chunks.push({ star, items });
      const stars = /\**/y;
      stars.lastIndex = at;
      const run = stars.exec(glob)?.[0].length ?? 1;
      star = run > 1 ? 'deep' : 'one';
      items = [];
      at += run;
    } else {
      const [item, next] = parseItem(glob, at, runeAt);
      items.push(item);
      at = next;
    }
  }
  chunks.push({ star, items });
  return chunks;
}

function parseItem(glob: string, at: number, runeAt: RuneAt): [Item, number] {
  if (glob[at] === '?') return ['any', at + 1];
  if (glob[at] === '[') return parseClass(glob, at + 1, runeAt);
  const escaped = glob[at] === '\\' ? at + 1 : at;
  if (escaped >= glob.length) throw new PatternError('it ends in a backslash');
  return [glob.charCodeAt(escaped), escaped + 1];
}

function parseClass(glob: string, start: number, runeAt: RuneAt): [CharacterClass, number] {
  const negated = glob[start] === '^';
  const ranges: [number, number][] = [];
  let at = negated ? start + 1 : start;
  while (glob[at] !== ']' || ranges.length === 0) {
    const [low, next] = parseClassCharacter(glob, at, runeAt);
    const [high, end] = glob[next] === '-' ? parseClassCharacter(glob, next + 1, runeAt) : [low, next];
    ranges.push([low, high]);
    at = end;
  }
  return [{ negated, ranges }, at + 1];
}

function parseClassCharacter(glob: string, start: number, runeAt: RuneAt): [number, number] {
  const at = glob[start] === '\\' ? start + 1 : start;
  if (at >= glob.length) throw new PatternError('"[" has no "]"');
  if (at === start && (glob[at] === '-' || glob[at] === ']')) {
    throw new PatternError(`"${glob[at]}" must be escaped with a backslash inside "[ ]"`);
  }
  const [point, size] = runeAt(glob, at);
  return [point, at + size];
}

/**
 * The algorithm of Go's `path.Match`, on bytes: each chunk takes the first place that fits and never gives it back.
 * It is no regular expression: `*[^q]a*b` does not match `xa/ab`, because the first `*` has settled for "" by then.
 */
function matchChunks(chunks: readonly Chunk[], text: string): boolean {
  let at = 0;
  for (const [index, { star, items }] of chunks.entries()) {
    const last = index === chunks.length - 1;
    const end = star === 'none' ? matchItems(items, text, at) : findItems(items, text, at, last);
    if (end < 0) return false;
    at = end;
  }
  return at === text.length;
}

/** Skips up to the next slash until the items fit; the last chunk must also end where the text ends. */
function findItems(items: readonly Item[], text: string, start: number, last: boolean): number {
  for (let at = start; at <= text.length; at += 1) {
    const end = matchItems(items, text, at);
    if (end >= 0 && (!last || end === text.length)) return end;
    if (text[at] === '/') break;
  }
  return -1;
}

/** The place after the items when they fit at `start`, or -1. */
function matchItems(items: readonly Item[], text: string, start: number): number {
  let at = start;
  for (const item of items) {
    if (at >= text.length) return -1;
    if (typeof item === 'number') {
      if (text.charCodeAt(at) !== item) return -1;
      at += 1;
    } else {
      const [point, size] = byteRune(text, at);
      if (item === 'any' ? point === slash : !isInClass(item, point)) return -1;
      at += size;
    }
  }
  return at;
}

const slash = 0x2f;

function isInClass({ negated, ranges }: CharacterClass, point: number): boolean {
  return ranges.some(([low, high]) => low <= point && point <= high) !== negated;
}

/** A text of one character a UTF-8 byte, because Go compares and skips bytes. */
function utf8(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: "is it all ASCII" is the question
  return /^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** The code point at a byte and its length, as Go's `utf8.DecodeRuneInString`: a stray byte is U+FFFD of length 1. */
function byteRune(bytes: string, at: number): [point: number, size: number] {
  const first = bytes.charCodeAt(at);
  if (first < 0x80) return [first, 1];
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  if (size === 1) return [0xfffd, 1];
  let point = first & (0x7f >> size);
  for (let index = 1; index < size; index += 1) point = (point << 6) | (bytes.charCodeAt(at + index) & 0x3f);
  return [point, size];
}

function stringRune(text: string, at: number): [point: number, size: number] {
  const point = text.codePointAt(at) ?? 0;
  return [point, point > 0xffff ? 2 : 1];
}

/** A glob with `**` as an RE2 expression; RE2 finds the right place for a star however many there are, in linear time. */
function toExpression(chunks: readonly Chunk[]): string {
  const stars = { none: '', one: '[^/]*', deep: '(?s:.*)' };
  const parts = chunks.map(({ star, items }) => stars[star] + items.map(itemToExpression).join(''));
  return `\\A${parts.join('')}\\z`;
}

function itemToExpression(item: Item): string {
  if (item === 'any') return '[^/]';
  if (typeof item === 'number') return quoteMeta(String.fromCharCode(item));
  const hex = (point: number): string => `\\x{${point.toString(16)}}`;
  const ranges = item.ranges.filter(([low, high]) => low <= high).map(([low, high]) => `${hex(low)}-${hex(high)}`);
  if (ranges.length === 0) return item.negated ? '(?s:.)' : '[^\\x{0}-\\x{10ffff}]';
  return `[${item.negated ? '^' : ''}${ranges.join('')}]`;
}
