/** Owns the pattern language of policies and of narrowed passwords: a glob, or an expression between slashes. */
import type { Matcher } from './compiled.ts';
import { isExpression, matchExpression } from './expression.ts';
import { compileGlob } from './glob.ts';

/**
 * @param doubleStar whether `**` crosses slashes; docker_auth reads it as `*`
 * @throws {PatternError} the pattern is malformed; docker_auth lets such a glob pass and it never matches
 */
export function compilePattern(pattern: string, { doubleStar }: { doubleStar: boolean }): Matcher {
  if (isExpression(pattern)) return matchExpression(pattern.slice(1, -1));
  return compileGlob(pattern, { doubleStar });
}
