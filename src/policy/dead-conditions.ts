/** Owns the conditions that nothing can ever meet: the word of a name, a type or an account that no one has. */
import { isExpression } from '../pattern/expression.ts';
import { compilePattern } from '../pattern/pattern.ts';
import { repositoryActions } from '../scope.ts';
import type { Policy } from './acl.ts';
import { findConfusable } from './confusables.ts';
import { createDeadAccount, deadDomain, isWord } from './dead-names.ts';
import { suggest } from './reader.ts';
import type { Condition, Rule } from './rule.ts';

/** What is known of the users of the file. */
type Known = {
  readonly deadAccount: (pattern: string) => string | null;
  /** Those that some user has. */
  readonly labels: ReadonlySet<string>;
};

/** @param users of the file. @returns what says why a rule never matches, or grants less than it says: a sentence each, without its place */
export function createDeadParts(users: Policy['users']): (rule: Rule) => string[] {
  const ofUsers = [...users.values()].flatMap(({ labels }) => Object.entries(labels));
  const labels = new Set(ofUsers.flatMap(([label, values]) => (values.length > 0 ? label : [])));
  const known: Known = { deadAccount: createDeadAccount(users), labels };
  return (rule) => [
    ...rule.conditions.flatMap((condition) => deadPatternsOf(condition, rule, known)),
    ...typeAndName(rule),
    ...kindAndAccount(rule),
    ...labelPlaceholders(rule, known),
    ...accountInName(rule),
    ...deadActionsOf(rule),
  ];
}

/** What is said of a condition where none of its patterns can match. */
function deadPatternsOf({ field, patterns }: Condition, rule: Rule, known: Known): string[] {
  const why = (pattern: string): string | null => {
    if (field === 'account') return known.deadAccount(pattern);
    if (field === 'name') return asksForRepositories(rule) ? deadName(pattern) : null;
    if (field === 'domain') return deadDomain(pattern);
    if (field.startsWith('labels.')) return deadLabel(field.slice('labels.'.length), rule, known);
    return null;
  };
  // Of those it has been said already.
  if ([field, ...patterns].some((text) => findConfusable(text) !== null)) return [];
  const reasons = patterns.map(why);
  if (reasons.some((reason) => reason === null)) return [];
  return [`match.${field} "${patterns.join('", "')}" never matches: ${reasons[0]}`];
}

/** Characters that are in no repository's name (distribution, reference grammar), as text between the wildcards. */
const impossible: readonly (readonly [found: RegExp, why: string])[] = [
  [/^\/(?!.*\/$)/, 'no repository name begins with "/"; an expression has one at both ends'],
  [/[{}]/, 'a repository name has no braces, and a pattern has no alternatives in them; write a rule for each'],
  [/!/, 'a repository name has no "!", and a pattern can\'t be negated; write a rule with "actions: []" above'],
  [/\/[^/]*:/, 'a repository name has no tag; leave out what follows the ":"'],
  [/@/, 'a repository name has no "@"'],
  [/[A-Z]/, 'repository names are in lower case'],
  [/[\s,;|]/, 'a repository name has no such character; write a rule for each'],
  [/^$/, 'a repository name is never empty; leave the condition out'],
  [/\/$/, 'a repository name doesn\'t end with "/"; write "/**" there for everything below'],
  [/\/\//, 'a repository name has no empty part between slashes'],
  [/(?:^|\/)[._-]|[._-](?:\/|$)/, 'each part of a repository name begins and ends with a letter or digit'],
  [/\.[._-]|[_-]\.|_-|-_|___/, 'a repository name has only one of ". _ -" in one place, but for "__" and "--"'],
];

function deadName(pattern: string): string | null {
  if (isExpression(pattern)) return null;
  const text = pattern.replaceAll(/\$\{[^}]*\}|\[[^\]]*\]|\\./g, 'x');
  return impossible.find(([found]) => found.test(text))?.[1] ?? null;
}

function deadLabel(label: string, rule: Rule, { labels }: Known): string | null {
  const ofCi = rule.conditions.some(({ field, patterns }) => field === 'kind' && patterns.includes('ci'));
  return ofCi || labels.has(label) ? null : `no user of this file has the label "${label}"`;
}

/** `${labels:x}` of a label that no one has is text. */
function labelPlaceholders(rule: Rule, known: Known): string[] {
  const written = rule.conditions.flatMap(({ patterns }) =>
    patterns.flatMap((one) => one.match(/\$\{labels:[^}]+\}/g) ?? []),
  );
  return [...new Set(written)].flatMap((placeholder) => {
    const reason = deadLabel(placeholder.slice('${labels:'.length, -1), rule, known);
    return reason === null ? [] : [`${placeholder} has no value: ${reason}`];
  });
}

/** Of the rules for people: a static user's name can be the beginning of a repository's. */
function accountInName({ conditions }: Rule): string[] {
  const isOfPeople = conditions.some(({ field, patterns }) => {
    if (field === 'account') return patterns.every((pattern) => pattern.includes('@'));
    return field === 'domain' || (field === 'kind' && patterns.every((kind) => kind === 'person'));
  });
  const names = conditions.flatMap(({ field, patterns }) => (field === 'name' ? patterns : []));
  if (!isOfPeople || !names.some((name) => name.includes('${account}'))) return [];
  return [
    '${account} of a person is an e-mail, which no repository name holds; write ${user}, the part before the "@"',
  ];
}

/** The types that a registry asks for (distribution, handlers/app.go), and the name that goes with one of them. */
const types = ['repository', 'registry'];

function typeAndName({ conditions }: Rule): string[] {
  const [type] = wordsOf(conditions, 'type');
  if (type === undefined) return [];
  if (!types.includes(type)) {
    return [`match.type "${type}" never matches: a registry asks for ${types.join(' or ')}${suggest(type, types)}`];
  }
  const names = conditions.flatMap(({ field, patterns }) => (field === 'name' ? patterns : []));
  return names
    .filter(
      (name) => type === 'registry' && !name.includes('${') && !compilePattern(name, { doubleStar: true })('catalog'),
    )
    .map((name) => `match.name "${name}" never matches with type "registry", of which there is only "catalog"`);
}

/** How the names of each kind of account look; a user of the file can be called anything. */
const namesOfKinds: Readonly<Record<string, RegExp>> = { person: /@/, robot: /^robot-/, ci: /:/, anonymous: /^$/ };

function kindAndAccount({ conditions }: Rule): string[] {
  const [account] = wordsOf(conditions, 'account');
  const kinds = conditions.flatMap(({ field, patterns }) => (field === 'kind' ? patterns : []));
  if (account === undefined || kinds.length === 0) return [];
  if (kinds.some((kind) => namesOfKinds[kind]?.test(account) !== false)) return [];
  return [
    `match.account "${account}" never matches with kind ${kinds.join(' or ')}, of which none is called like that`,
  ];
}

function asksForRepositories({ conditions }: Rule): boolean {
  return wordsOf(conditions, 'type').every((type) => type === 'repository');
}

function wordsOf(conditions: readonly Condition[], field: Condition['field']): string[] {
  return conditions.flatMap((condition) => (condition.field === field ? condition.patterns.filter(isWord) : []));
}

function deadActionsOf({ actions: written }: Rule): string[] {
  if (written.length === 1 && written[0] === '*') return [];
  return written.flatMap((action) => {
    if (repositoryActions.includes(action) || findConfusable(action) !== null) return [];
    if (action === '*') return ['"*" beside other actions doesn\'t mean all of them; write ["*"] by itself'];
    return [
      `the action "${action}" grants nothing: a registry knows ${repositoryActions.join(', ')}${suggest(action.toLowerCase(), repositoryActions)}`,
    ];
  });
}
