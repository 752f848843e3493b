/** Owns globs as in Go's `path.Match`, decided byte by byte as there, and `**`, which crosses slashes. */
import { isAscii } from '../lib/ascii.ts';
import { type Matcher, PatternError } from './compiled.ts';
import { compileExpression, quoteMeta } from './expression.ts';

/**
 * `*` and `?` stay within a path segment, `[a-c]` and `[^a]` are classes, `\` escapes; the whole text must match.
 * @throws {PatternError}
 */
export function compileGlob(glob: string, { doubleStar }: { doubleStar: boolean }): Matcher {
  const special = /[*?[\\]/.exec(glob);
  if (!special) return (text) => text === glob;
  const prefix = glob.slice(0, special.index);
  const rest = glob.slice(special.index);
  // Most globs end in their only stars.
  if (rest === '*') return (text) => text.startsWith(prefix) && !text.includes('/', prefix.length);
  if (rest === '**' && doubleStar) return (text) => text.startsWith(prefix);
  return globMatcher(glob, doubleStar);
}

function globMatcher(glob: string, doubleStar: boolean): Matcher {
  const runes = parseGlob(glob, stringRune);
  if (doubleStar && runes.some(({ star }) => star === 'deep')) {
    const expression = compileExpression(toExpression(runes));
    return (text) => expression.test(text);
  }
  const chunks = parseGlob(utf8(glob), byteRune);
  return (text) => matchChunks(chunks, utf8(text));
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

/**
 * The glob in which `*` stands for every run of stars that has none of those `**`.
 * @param crossing where the `**` begin that cross slashes
 */
export function collapseStars(glob: string, crossing: readonly number[]): string {
  if (globProblem(glob) !== null) return glob;
  let kept = '';
  for (let at = 0; at < glob.length; ) {
    const end = glob[at] === '*' ? endOfStars(glob, at) : parseItem(glob, at, stringRune)[1];
    kept += glob[at] === '*' ? starsOf(at, end, crossing) : glob.slice(at, end);
    at = end;
  }
  return kept;
}

function starsOf(start: number, end: number, crossing: readonly number[]): string {
  // The last star of a run begins no pair in it.
  for (let at = start; at < end - 1; at += 1) if (crossing.includes(at)) return '**';
  return '*';
}

function endOfStars(glob: string, start: number): number {
  let end = start;
  while (glob[end] === '*') end += 1;
  return end;
}

/** A step of a glob: a star, which takes any number of characters, or what takes one of them. */
export type GlobStep = 'star' | 'deep' | ((character: string) => boolean);

/** A glob (with `**`) step by step, for names of one byte a character. @throws {PatternError} */
export function stepsOf(glob: string): GlobStep[] {
  return parseGlob(glob, stringRune).flatMap(({ star, items }) => [
    ...(star === 'none' ? [] : [star === 'deep' ? ('deep' as const) : ('star' as const)]),
    ...items.map((item) => (character: string) => takes(item, character)),
  ]);
}

function takes(item: Item, character: string): boolean {
  const point = character.charCodeAt(0);
  if (typeof item === 'number') return item === point;
  return item === 'any' ? point !== slash : isInClass(item, point);
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
      star = glob[at + 1] === '*' ? 'deep' : 'one';
      items = [];
      at = endOfStars(glob, at);
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
 * The algorithm of Go's `path.Match`, on bytes: each chunk takes the first place where it matches and never gives it back.
 * It isn't a regular expression: `*[^q]a*b` does not match `xa/ab`, because the first `*` has settled for "" by then.
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

/** Skips up to the next slash until the items match; the last chunk must also end where the text ends. */
function findItems(items: readonly Item[], text: string, start: number, last: boolean): number {
  for (let at = start; at <= text.length; at += 1) {
    const end = matchItems(items, text, at);
    if (end >= 0 && (!last || end === text.length)) return end;
    if (text[at] === '/') break;
  }
  return -1;
}

/** The place after the items when they match at `start`, or -1. */
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
  return isAscii(text) ? text : Buffer.from(text).toString('latin1');
}

/** The code point at a byte and its length, as Go's `utf8.DecodeRuneInString`: a stray byte is U+FFFD of length 1. */
function byteRune(bytes: string, at: number): [point: number, size: number] {
  const first = bytes.charCodeAt(at);
  if (first < 0x80) return [first, 1];
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1;
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
