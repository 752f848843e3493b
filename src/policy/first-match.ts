/** Owns finding the first rule that matches without trying them all: most rules name a person, a group or a place. */
import { type Condition, failingCondition, type Rule } from './rule.ts';
import type { Subject } from './subject.ts';

/** The first rule whose conditions all hold, or `null`. */
export type FirstMatch = (subject: Subject) => Rule | null;

/**
 * Conditions on one of these that are plain words make a rule findable by them; the first of them that a rule has
 * decides. The domain comes last: everybody of the company has the same.
 */
const fields = ['account', 'name', 'group', 'domain'] as const;
type Field = (typeof fields)[number];

/** Rules by a word that one of their conditions demands, each list in the order of the file. */
type Shelf = ReadonlyMap<string, readonly Rule[]>;

export function createFirstMatch(rules: readonly Rule[]): FirstMatch {
  const shelves: Record<Field, Map<string, Rule[]>> = {
    account: new Map(),
    group: new Map(),
    domain: new Map(),
    name: new Map(),
  };
  const others: Rule[] = [];
  for (const rule of rules) {
    const place = placeOf(rule);
    if (!place) others.push(rule);
    for (const word of new Set(place?.words)) {
      const shelf = shelves[place?.field ?? 'name'];
      shelf.set(word, [...(shelf.get(word) ?? []), rule]);
    }
  }
  return (subject) => {
    const found = onShelves(shelves, subject);
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

function placeOf(rule: Rule): { readonly field: Field; readonly words: readonly string[] } | null {
  for (const field of fields) {
    const condition = rule.conditions.find((candidate) => candidate.field === field);
    const words = condition?.patterns.map((pattern) => wordOf(condition, pattern)) ?? [];
    const known = words.filter((word) => word !== null);
    if (known.length > 0 && known.length === words.length) return { field, words: known };
  }
  return null;
}

/** The word that a subject must have for the pattern to match: itself, or of a name its part before the first slash. */
function wordOf({ field }: Condition, pattern: string): string | null {
  // What begins with a slash may become an expression once it is filled in.
  if (pattern.startsWith('/')) return null;
  const literal = /^[^*?[\\$]*/.exec(pattern)?.[0] ?? '';
  if (field === 'name') return literal.includes('/') || literal === pattern ? firstPart(literal) : null;
  if (literal !== pattern) return null;
  return field === 'domain' ? pattern.toLowerCase() : pattern;
}

function firstPart(name: string): string {
  const slash = name.indexOf('/');
  return slash < 0 ? name : name.slice(0, slash);
}

/** The rules that the subject's words lead to, in the order of the file. */
function onShelves(shelves: Readonly<Record<Field, Shelf>>, subject: Subject): readonly Rule[] {
  const groups = shelves.group.size > 0 ? subject.groups : [];
  const lists = [
    shelves.account.get(subject.account),
    shelves.name.get(firstPart(subject.name)),
    subject.domain === null ? undefined : shelves.domain.get(subject.domain),
    ...groups.map((group) => shelves.group.get(group)),
  ].filter((list) => list !== undefined);
  if (lists.length < 2) return lists[0] ?? [];
  return lists.flat().sort((a, b) => a.number - b.number);
}
