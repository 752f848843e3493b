/**
 * Owns finding the first rule that matches without trying them all: most rules name a person, a group or a place. It finds
 * what trying them in turn finds, and a thousand rules cost 7 µs instead of 75 (docs/performance.md).
 */
import { foldAccount, foldDomain } from './match-fields.ts';
import { type Condition, failingCondition, type Rule } from './rule.ts';
import type { Subject } from './subject.ts';

/** The first rule whose conditions all hold, or `null`. */
export type FirstMatch = (subject: Subject) => Rule | null;

/**
 * Conditions on one of these that are plain words make a rule findable by them; the first of them that a rule has
 * decides. The domain comes last: everyone in the company has the same.
 */
const fields = ['account', 'name', 'group', 'domain'] as const;
type Field = (typeof fields)[number];

/** Rules by a word that one of their conditions demands, and those that demand none; each list in the order of the file. */
export type RuleIndex = {
  /** There is nothing under `null`. */
  readonly byWord: Readonly<Record<Field, ReadonlyMap<string | null, readonly Rule[]>>>;
  readonly others: readonly Rule[];
};

export function createRuleIndex(rules: readonly Rule[]): RuleIndex {
  const byWord = { account: new Map(), name: new Map(), group: new Map(), domain: new Map() } satisfies Record<
    Field,
    Map<string, Rule[]>
  >;
  const others: Rule[] = [];
  for (const rule of rules) {
    const place = demandOf(rule);
    if (!place) others.push(rule);
    else for (const word of new Set(place.words)) add(byWord[place.field], word, rule);
  }
  return { byWord, others };
}

function add(byWord: Map<string, Rule[]>, word: string, rule: Rule): void {
  const list = byWord.get(word);
  if (list) list.push(rule);
  else byWord.set(word, [rule]);
}

/** The rules that demand the word that the first pattern of a condition demands. */
export function rulesDemandingSame(
  { field, patterns: [pattern = ''] }: Condition,
  { byWord }: RuleIndex,
): readonly Rule[] {
  const known = fields.find((name) => name === field);
  return (known && byWord[known].get(wordOf(known, pattern))) ?? [];
}

export function createFirstMatch(rules: readonly Rule[]): FirstMatch {
  const { byWord, others } = createRuleIndex(rules);
  return (subject) => {
    const found = rulesFoundFor(byWord, subject);
    let next = 0;
    for (const other of others) {
      for (let rule = found[next]; rule && rule.number < other.number; rule = found[next]) {
        if (matches(rule, subject)) return rule;
        next += 1;
      }
      if (matches(other, subject)) return other;
    }
    return found.slice(next).find((rule) => matches(rule, subject)) ?? null;
  };
}

function matches(rule: Rule, subject: Subject): boolean {
  return failingCondition(rule, subject) === undefined;
}

function demandOf(rule: Rule): { readonly field: Field; readonly words: readonly string[] } | null {
  for (const field of fields) {
    const condition = rule.conditions.find((candidate) => candidate.field === field);
    const words = condition?.patterns.map((pattern) => wordOf(field, pattern));
    if (words?.every((word) => word !== null)) return { field, words };
  }
  return null;
}

/** The word that a subject must have for the pattern to match: itself, or of a name its part before the first slash. */
function wordOf(field: Field, pattern: string): string | null {
  // A pattern that begins with a slash can become an expression once it's filled in.
  if (pattern.startsWith('/')) return null;
  const word = field === 'name' ? firstPart(pattern) : pattern;
  if (/[*?[\\$]/.test(word)) return null;
  if (field === 'account') return foldAccount(word);
  return field === 'domain' ? foldDomain(word) : word;
}

/** `team` of `team/app`. */
export function firstPart(name: string): string {
  return name.slice(0, `${name}/`.indexOf('/'));
}

/** The rules that the subject's words lead to, in the order of the file. */
function rulesFoundFor(index: RuleIndex['byWord'], subject: Subject): readonly Rule[] {
  // Someone can be in hundreds.
  const ofGroups = index.group.size > 0 ? subject.groups.map((group) => index.group.get(group)) : [];
  const lists = [
    index.account.get(subject.asciiAccount),
    index.name.get(firstPart(subject.name)),
    index.domain.get(subject.domain),
    ...ofGroups,
  ].filter((list) => list !== undefined);
  if (lists.length < 2) return lists[0] ?? [];
  return lists.flat().sort((a, b) => a.number - b.number);
}
