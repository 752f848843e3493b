/** Owns the conditions that nothing can ever meet: the word of a name, a type or an account that no one has. */
import { isExpression } from '../pattern/expression.ts';
import { repositoryActions } from '../scope.ts';
import type { Policy } from './acl.ts';
import { findConfusable } from './confusables.ts';
import { foldAccount } from './match-fields.ts';
import { suggest } from './reader.ts';
import type { Condition, Rule } from './rule.ts';

type Users = Policy['users'];

/** Why a rule never matches, or grants less than it says: a sentence each, without its place. */
export function deadPartsOf(rule: Rule, users: Users): string[] {
  const { conditions } = rule;
  return [
    ...conditions.flatMap((condition) => deadPatternsOf(condition, rule, users)),
    ...typeAndName(rule),
    ...labelPlaceholders(rule, users),
    ...accountInName(rule),
    ...deadActionsOf(rule),
  ];
}

/** What is said of a condition where none of its patterns can match. */
function deadPatternsOf({ field, patterns }: Condition, rule: Rule, users: Users): string[] {
  const why = (pattern: string): string | null => {
    if (field === 'account') return deadAccount(pattern, users);
    if (field === 'name') return asksForRepositories(rule) ? deadName(pattern) : null;
    if (field === 'domain') return pattern.includes('@') ? 'a domain has no "@"' : null;
    if (field.startsWith('labels.')) return deadLabel(field.slice('labels.'.length), rule, users);
    return null;
  };
  // Of those it has been said already.
  if ([field, ...patterns].some((text) => findConfusable(text) !== null)) return [];
  const reasons = patterns.map(why);
  if (reasons.some((reason) => reason === null)) return [];
  return [`match.${field} "${patterns.join('", "')}" never matches: ${reasons[0]}`];
}

/** A pattern that stands for itself only. */
function isWord(pattern: string): boolean {
  return !isExpression(pattern) && !/[*?[\\]|\$\{/.test(pattern);
}

/** Robots, and people by their e-mail; tokens from a CI system, whose accounts have a colon. */
const otherAccounts = /@|^robot-|:/;

function deadAccount(pattern: string, users: Users): string | null {
  if (/^\/(?!.*\/$)/.test(pattern)) return 'no account begins with "/"; an expression has one at both ends';
  if (!isWord(pattern) || users.has(pattern)) return null;
  if (pattern === '') return 'no one comes without credentials, because users has no ""';
  const folded = foldAccount(pattern);
  if (folded.includes('@') && folded !== folded.toLowerCase()) return 'e-mails are compared in lower case';
  if (otherAccounts.test(pattern)) return null;
  return `no user of this file is called that${suggest(pattern, [...users.keys()])}; people are called by their e-mail, robots robot-NAME`;
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
];

function deadName(pattern: string): string | null {
  if (isExpression(pattern)) return null;
  const text = pattern.replaceAll(/\$\{[^}]*\}|\[[^\]]*\]|\\./g, 'x');
  return impossible.find(([found]) => found.test(text))?.[1] ?? null;
}

function deadLabel(label: string, rule: Rule, users: Users): string | null {
  const ofCi = rule.conditions.some(({ field, patterns }) => field === 'kind' && patterns.includes('ci'));
  return ofCi || hasLabel(label, users) ? null : `no user of this file has the label "${label}"`;
}

function hasLabel(label: string, users: Users): boolean {
  return [...users.values()].some(({ labels }) => (labels[label] ?? []).length > 0);
}

/** `${labels:x}` of a label that no one has is text. */
function labelPlaceholders(rule: Rule, users: Users): string[] {
  const written = rule.conditions.flatMap(({ patterns }) =>
    patterns.flatMap((one) => one.match(/\$\{labels:[^}]+\}/g) ?? []),
  );
  return [...new Set(written)].flatMap((placeholder) => {
    const reason = deadLabel(placeholder.slice('${labels:'.length, -1), rule, users);
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
  const [name] = wordsOf(conditions, 'name');
  if (type === undefined) return [];
  if (!types.includes(type)) {
    return [`match.type "${type}" never matches: a registry asks for ${types.join(' or ')}${suggest(type, types)}`];
  }
  if (type !== 'registry' || name === undefined || name === 'catalog') return [];
  return [`match.name "${name}" never matches with type "registry", of which there is only "catalog"`];
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
