/** Owns whether an earlier rule shadows a later one, so that it can never decide. In doubt: no. */
import type { Matcher } from '../pattern/compiled.ts';
import { isExpression } from '../pattern/expression.ts';
import { compilePattern } from '../pattern/pattern.ts';
import { parseNetwork } from './address.ts';
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
 * rules that demand the same; one that demands an expression, only those with the same expression or a word there; one that demands
 * a beginning, only those with the same beginning.
 */
function createCandidates(rules: readonly Rule[]): (rule: Rule) => (readonly Rule[])[] {
  const index = createRuleIndex(rules.filter((rule) => expressionOf(rule) === null));
  const others = createBeginnings(index.others);
  const expressive = rules.filter((rule) => expressionOf(rule) !== null);
  const withExpression = createBeginnings(expressive);
  const byExpression = new Map(
    [...Map.groupBy(expressive, expressionOf)].map(([written, same]) => [written, createBeginnings(same)]),
  );
  return (rule) => [
    ...others(rule),
    ...rule.conditions.map((condition) => rulesDemandingSame(condition, index)),
    ...rule.conditions.filter(isNameOrAccount).flatMap(({ field, patterns: [pattern = ''] }) => {
      const { written, kind } = readText(asCompared(field, pattern));
      return kind === 'word' ? withExpression(rule) : (byExpression.get(written)?.(rule) ?? []);
    }),
  ];
}

/** Those of the rules that can shadow one: each is found by the rarest of the beginnings that it demands. */
function createBeginnings(rules: readonly Rule[]): (rule: Rule) => (readonly Rule[])[] {
  const count = new Map<string, number>();
  for (const beginning of rules.flatMap(beginningsOf)) count.set(beginning, (count.get(beginning) ?? 0) + 1);
  const rarity = (beginning: string): number => count.get(beginning) ?? 0;
  const byBeginning = Map.groupBy(rules, (rule) => beginningsOf(rule).sort((a, b) => rarity(a) - rarity(b))[0] ?? null);
  const lengths = [...new Set([...byBeginning.keys()].flatMap((beginning) => beginning?.length ?? []))];
  return ({ conditions }) => {
    const texts = conditions.flatMap(({ field, patterns }) =>
      readTexts(field, patterns.slice(0, 1)).map(asText(field)),
    );
    const beginnings = texts.flatMap((text) =>
      lengths.filter((length) => length <= text.length).map((length) => text.slice(0, length)),
    );
    return [null, ...beginnings].map((beginning) => byBeginning.get(beginning) ?? []);
  };
}

/** `ip 4.00001010` of a rule that demands the network 10.0.0.0/8; `name a-` of one with `a-*`. */
function beginningsOf({ conditions }: Rule): string[] {
  return conditions.flatMap(({ field, patterns }) => {
    const [text, ...others] = readTexts(field, patterns);
    if (text === undefined || others.length > 0 || isEverything(text.written, field)) return [];
    const prefix = text.kind === 'glob' ? prefixOf(text.written) : text.kind === 'other' ? null : text.written;
    return prefix === null ? [] : [asText(field)({ written: prefix })];
  });
}

function asText(field: ConditionField): (text: Pick<Text, 'written'>) => string {
  return ({ written }) => `${field} ${written}`;
}

function isNameOrAccount({ field }: Condition): boolean {
  return field === 'name' || field === 'account';
}

/** What the rule demands of a name or an account, if that is neither a word nor a beginning. */
function expressionOf({ conditions }: Rule): string | null {
  const texts = conditions.filter(isNameOrAccount).flatMap(({ field, patterns }) => {
    return readTexts(field, patterns).filter(({ written, kind }) => {
      const isOdd = kind === 'other' || (kind === 'glob' && prefixOf(written) === null);
      return isOdd && !isEverything(written, field) && !isAnyText(written);
    });
  });
  return texts[0]?.written ?? null;
}

/** What a rule demands of a field, asked of a pattern of another rule: whether all that it matches is within the demand. */
type Claim = { readonly field: ConditionField; readonly includes: (narrow: Text) => boolean };

/** A pattern as it is to be covered: a word matches itself alone; a glob has no variables. */
type Text = { readonly written: string; readonly kind: 'word' | 'glob' | 'other' };

/** Networks become the bits that their addresses begin with: one begins with those of each network around it. */
function readTexts(field: ConditionField, patterns: readonly string[]): Text[] {
  if (matchFieldOf(field).takes === 'networks')
    return patterns.map((written) => ({ written: bitsOf(written), kind: 'word' }));
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
    return (narrow: Text) => includes(narrow) && reaches(pattern, narrow.written);
  });
  return { field, includes: (narrow) => tests.some((includes) => includes(narrow)) };
}

function patternAround(wide: string): Claim['includes'] {
  // A capture or a label means what the rest of its rule makes of it.
  if (/\$\{[^}]*:/.test(wide)) return () => false;
  if (wide.includes('${')) return ({ written }) => written === wide;
  let matcher: Matcher | undefined;
  const isAny = isAnyText(wide);
  const includesGlob = globAround(wide);
  return (narrow) => {
    const { written, kind } = narrow;
    if (written === wide || (isAny && demandsCharacter(narrow))) return true;
    if (kind !== 'word') return kind === 'glob' && includesGlob(written);
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
function globAround(wide: string): (narrow: string) => boolean {
  const prefix = prefixOf(wide);
  if (prefix === null) return () => false;
  const crossesSlashes = wide.length > prefix.length + 1;
  return (narrow) => narrow.startsWith(prefix) && (crossesSlashes || !/\/|\*\*|\[/.test(narrow.slice(prefix.length)));
}

/** `team/x-` of `team/x-*`; `null` for a glob that has more than stars at its end. */
function prefixOf(glob: string): string | null {
  return /^([^*?[\\]*)\*+$/.exec(glob)?.[1] ?? null;
}

function networkAround(wide: string): Claim['includes'] {
  const outer = bitsOf(wide);
  return ({ written }) => outer !== '' && written.startsWith(outer);
}

/** `4.00001010` for 10.0.0.0/8; empty for what isn't a network. */
function bitsOf(written: string): string {
  const network = parseNetwork(written);
  if (network === null) return '';
  const bits = network.address.map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return `${network.address.length}.${bits.slice(0, network.bits)}`;
}
