/** Owns whether an earlier rule shadows a later one, so that it can never decide. In doubt: no. */
import type { Matcher } from '../pattern/compiled.ts';
import { isExpression } from '../pattern/expression.ts';
import { compilePattern } from '../pattern/pattern.ts';
import { contains, parseNetwork } from './address.ts';
import { type ConditionField, matchFieldOf } from './match-fields.ts';
import type { Condition, Rule } from './rule.ts';
import { createRuleIndex, rulesDemandingSame } from './rule-index.ts';

/** Each rule that can never decide -> the first rule before it that matches whatever it matches. */
export function findShadowedRules(rules: readonly Rule[]): ReadonlyMap<Rule, Rule> {
  const listsFor = createCandidates(rules);
  const claims = new Map(rules.map((rule) => [rule, claimsOf(rule)]));
  const covers = new Map<Rule, Rule>();
  for (const rule of rules) {
    const texts = new Map(rule.conditions.map(({ field, patterns }) => [field, readTexts(field, patterns)]));
    const isCover = (candidate: Rule) =>
      claims.get(candidate)?.every(({ field, includes }) => texts.get(field)?.every(includes)) === true;
    const found = listsFor(rule).flatMap((list) => firstBefore(rule, list, isCover) ?? []);
    const [first] = found.sort((a, b) => a.number - b.number);
    if (first) covers.set(rule, first);
  }
  return covers;
}

function firstBefore({ number }: Rule, list: readonly Rule[], fits: (candidate: Rule) => boolean): Rule | null {
  for (const candidate of list) {
    if (candidate.number >= number) return null;
    if (fits(candidate)) return candidate;
  }
  return null;
}

/**
 * Which rules can shadow one, as trying each with each takes too long for 10,000 of them. A rule that demands a word shadows only
 * rules that demand the same; one that demands an expression, only those with the same expression or a word there.
 */
function createCandidates(rules: readonly Rule[]): (rule: Rule) => (readonly Rule[])[] {
  const index = createRuleIndex(rules.filter((rule) => expressionOf(rule) === null));
  const expressive = rules.filter((rule) => expressionOf(rule) !== null);
  const byExpression = Map.groupBy(expressive, (rule) => expressionOf(rule));
  return ({ conditions }) => [
    index.others,
    ...conditions.map((condition) => rulesDemandingSame(condition, index)),
    ...conditions.filter(isNameOrAccount).map(({ patterns: [pattern = ''] }) => {
      return readText(pattern).kind === 'word' ? expressive : (byExpression.get(pattern) ?? []);
    }),
  ];
}

function isNameOrAccount({ field }: Condition): boolean {
  return field === 'name' || field === 'account';
}

/** What the rule demands of a name or an account, if that is neither a word nor a glob. */
function expressionOf({ conditions }: Rule): string | null {
  const patterns = conditions.filter(isNameOrAccount).flatMap(({ field, patterns: written }) => {
    return written.filter((pattern) => {
      return readText(pattern).kind === 'other' && !isEverything(pattern, field) && !isAnyText(pattern);
    });
  });
  return patterns[0] ?? null;
}

/** What a rule demands of a field, asked of a pattern of another rule: whether all that it matches is within the demand. */
type Claim = { readonly field: ConditionField; readonly includes: (narrow: Text) => boolean };

/** A pattern as it is to be covered: a word matches itself alone; a glob has no variables. */
type Text = { readonly written: string; readonly kind: 'word' | 'glob' | 'other' };

function readTexts(field: ConditionField, patterns: readonly string[]): Text[] {
  return patterns.map((pattern) => readText(asCompared(field, pattern)));
}

/** As its condition compares it with a text. */
function asCompared(field: ConditionField, pattern: string): string {
  return matchFieldOf(field).normalize?.(pattern) ?? pattern;
}

function readText(written: string): Text {
  const isOther = written.includes('${') || isExpression(written);
  return { written, kind: isOther ? 'other' : /[*?[\\]/.test(written) ? 'glob' : 'word' };
}

function claimsOf({ conditions }: Rule): Claim[] {
  const demanding = conditions.filter(
    ({ field, patterns }) => !patterns.some((pattern) => isEverything(pattern, field)),
  );
  return demanding.map(claimOf);
}

function isEverything(pattern: string, field: ConditionField): boolean {
  return matchFieldOf(field).isAlwaysThere && ['**', '/.*/', '/^/', '/$/'].includes(pattern);
}

/** Anyone with a name: how the policies of docker_auth say "logged in". */
function isAnyText(pattern: string): boolean {
  return ['/./', '/.+/', '/^.+/', '/.+$/', '/^.+$/'].includes(pattern);
}

function claimOf({ field, patterns }: Condition): Claim {
  const { takes, reaches = () => true } = matchFieldOf(field);
  const around = takes === 'networks' ? networkAround : patternAround;
  const tests = patterns.map((pattern) => {
    const includes = around(asCompared(field, pattern));
    return (narrow: Text) => reaches(pattern, narrow.written) && includes(narrow);
  });
  return { field, includes: (narrow) => tests.some((includes) => includes(narrow)) };
}

function patternAround(wide: string): Claim['includes'] {
  // A capture or a label means what the rest of its rule makes of it.
  if (/\$\{[^}]*:/.test(wide)) return () => false;
  if (wide.includes('${')) return ({ written }) => written === wide;
  let matcher: Matcher | undefined;
  return (narrow) => {
    const { written, kind } = narrow;
    if (written === wide || (isAnyText(wide) && demandsCharacter(narrow))) return true;
    if (kind !== 'word') return kind === 'glob' && globIncludes(wide, written);
    matcher ??= compilePattern(wide, { doubleStar: true });
    return matcher(written);
  };
}

/** Whether a pattern that isn't a word matches only texts that have a character of it; the dot of an expression doesn't match a line's end. */
function demandsCharacter({ written, kind }: Text): boolean {
  if (kind === 'glob') return /^[^[\\]*$/.test(written) && /[^*?\n]/.test(written);
  if (kind === 'word' || written.includes('${')) return false;
  const source = written.slice(1, -1);
  // Alternatives, flags and escaped letters change what a letter means.
  const isPlain = !/\||\(\?|\\\w/.test(source);
  return isPlain && (/^\^[\w@](?![*?{])/.test(source) || /[\w@]\$$/.test(source));
}

/** `team/**` includes `team/x-*`; `team/*` includes `team/x-*` but not `team/x/*`. */
function globIncludes(wide: string, narrow: string): boolean {
  const [, prefix = '', stars = ''] = /^([^*?[\\]*)(\*+)$/.exec(wide) ?? [];
  if (stars === '' || !narrow.startsWith(prefix)) return false;
  return stars.length > 1 || !/\/|\*\*|\[/.test(narrow.slice(prefix.length));
}

function networkAround(wide: string): Claim['includes'] {
  const outer = parseNetwork(wide);
  return ({ written }) => {
    const inner = parseNetwork(written);
    return outer !== null && inner !== null && outer.bits <= inner.bits && contains(outer, inner.address);
  };
}
