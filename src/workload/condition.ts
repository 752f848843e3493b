/** Owns one condition of a workload rule: which claim it looks at, and which values hold. */
import { PatternError } from '../pattern/compiled.ts';
import { isExpression } from '../pattern/expression.ts';
import { compileGlob } from '../pattern/glob.ts';
import { type Claims, type ClaimValue, claimOf } from './claims.ts';

export type Condition = {
  /** "repository_id", "kubernetes.io.namespace". */
  readonly claim: string;
  /** As written; one of them must match. */
  readonly patterns: readonly string[];
  /** Whether the claim must be a list that has such a value, instead of being one. */
  readonly has: boolean;
  readonly holds: (claims: Claims) => boolean;
};

/** A condition that doesn't hold, and what it was compared with. */
export type FailedCondition = Pick<Condition, 'claim' | 'patterns' | 'has'> & {
  /** The claim as JSON, shortened; `null`: there is no such claim, or it's empty. */
  readonly actual: string | null;
};

/**
 * Comparison is exact, case included. `*` stays within a path segment and `**` crosses, as in the policy.
 * @throws {PatternError}
 */
export function compileCondition(claim: string, patterns: readonly string[], has: boolean): Condition {
  const tests = patterns.map(compileValue);
  const fits = (value: ClaimValue): boolean =>
    typeof value === 'string' && value !== '' && tests.some((test) => test(value));
  const holds = (claims: Claims): boolean => {
    const value = claimOf(claims, claim);
    // A missing, null or empty claim never matches, not even "*"; nor does an object.
    if (value === undefined || value === null) return false;
    if (has) return isList(value) && value.some(fits);
    return fits(value);
  };
  return { claim, patterns, has, holds };
}

function compileValue(pattern: string): (value: string) => boolean {
  if (pattern === '') throw new PatternError('an empty value never matches; leave the claim out');
  if (pattern.includes('${')) throw new PatternError('a variable means nothing here');
  if (isExpression(pattern)) {
    throw new PatternError('expressions between slashes are not for claims; write a list, or a pattern with * and **');
  }
  return compileGlob(pattern, { doubleStar: true });
}

/** Whether the value only means itself. */
export function isExact(pattern: string): boolean {
  return !/[*?[\\]/.test(pattern);
}

/** The only values that a condition lets through, or `null` where one of them is a pattern. */
export function exactValues({ patterns, has }: Condition): readonly string[] | null {
  return !has && patterns.every(isExact) ? patterns : null;
}

/** Characters of a claim that are shown. */
const maximumShown = 200;

export function failureOf({ claim, patterns, has }: Condition, claims: Claims): FailedCondition {
  return { claim, patterns, has, actual: shownClaim(claims, claim) };
}

/** A claim as people read it; `null` where there is nothing to show. */
export function shownClaim(claims: Claims, name: string): string | null {
  const value = claimOf(claims, name);
  if (value === undefined || value === null || value === '') return null;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > maximumShown ? `${text.slice(0, maximumShown)}…` : text;
}

function isList(value: ClaimValue): value is readonly ClaimValue[] {
  return Array.isArray(value);
}
