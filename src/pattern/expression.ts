/** Owns expressions between slashes: RE2 as Go writes it, compiled when first asked, by re2js, or not at all where less does. */
import { RE2JS } from 're2js';
import { type Matcher, PatternError, remember, whenAsked } from './compiled.ts';
import { literalEnds } from './expression-ends.ts';
import { nativeExpression } from './native-expression.ts';
import { isPlainExpression, type Words, wordsOf } from './plain-expression.ts';

/** A pattern is an expression when it stands between slashes and is longer than the two of them (docker_auth). */
export function isExpression(pattern: string): boolean {
  return pattern.length > 2 && pattern.startsWith('/') && pattern.endsWith('/');
}

/** Escapes what has a meaning in RE2, as Go's `regexp.QuoteMeta`. It is also right inside a glob, where `\` escapes. */
export function quoteMeta(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
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
  const literal = /\\Q.*?(?:\\E|$)|\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]/;
  const token = new RegExp(`(${literal.source})|\\(\\?P?<\\w+>`, 'gs');
  return source.replace(token, (_, kept?: string) => kept ?? '(');
}

/** @throws {PatternError} */
export function checkExpression(source: string): void {
  if (!isPlainExpression(source)) compileExpression(source);
}

/**
 * Says at once what is malformed, and compiles when first asked.
 * @throws {PatternError}
 */
export const matchExpression: (source: string) => Matcher = remember((source): Matcher => {
  checkExpression(source);
  return whenAsked(() => expressionMatcher(source));
});

function expressionMatcher(source: string): Matcher {
  const words = wordsOf(source);
  if (words) return wordMatcher(words);
  const native = nativeExpression(source);
  const engine = whenAsked(() => engineMatcher(source));
  return native === null ? engine : (text) => native(text) ?? engine(text);
}

function engineMatcher(source: string): Matcher {
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
