/** Owns expressions between slashes: RE2 as Go writes it. Only re2js decides what they match. */

import { LRUCache } from 'lru-cache';
import { RE2JS } from 're2js';
import { type Matcher, PatternError } from './compiled.ts';

/** A pattern is an expression if it's between slashes and longer than the two of them (docker_auth). */
export function isExpression(pattern: string): boolean {
  return pattern.length > 2 && pattern.startsWith('/') && pattern.endsWith('/');
}

/** Escapes what has a meaning in RE2, as Go's `regexp.QuoteMeta`. It is also right inside a glob, where `\` escapes. */
export function quoteMeta(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}

/**
 * A rule's field and its captures share an expression, as do neighboring rules. With more, `policy eval` takes twice as
 * long, because they outlive the young heap.
 */
const kept = new LRUCache<string, RE2JS>({ max: 20 });

/**
 * @param source without the slashes
 * @throws {PatternError}
 */
export function compileExpression(source: string): RE2JS {
  let expression = kept.get(source);
  if (expression === undefined) {
    expression = compileNew(source);
    kept.set(source, expression);
  }
  return expression;
}

function compileNew(source: string): RE2JS {
  try {
    return RE2JS.compile(source);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    // Go lets two groups have one name, RE2 does not. Captures go by number, so the names can be dropped.
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
export function matchExpression(source: string): Matcher {
  const expression = compileExpression(source);
  return (text) => expression.test(text);
}
