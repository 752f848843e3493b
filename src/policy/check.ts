/** Owns what `policy check` warns of: rules that can never decide, conditions that nothing meets, groups and variables that mean nothing. */
import { isExpression } from '../pattern/expression.ts';
import type { Policy } from './acl.ts';
import { createDeadParts } from './dead-conditions.ts';
import { leavesDomainOpen } from './match-fields.ts';
import { createSuggest, type PolicyProblem, suggest } from './reader.ts';
import type { Rule } from './rule.ts';
import { findShadowedRules } from './shadowed-rules.ts';
import { captureFields, findCaptures, usesGroups } from './template.ts';

type Situation = { readonly workloadGroups?: Iterable<string>; readonly severalDomains?: boolean };

/**
 * Those of the file itself and those that take all of its rules to see, by line.
 * @param situation.workloadGroups those that workload rules put someone into
 * @param situation.severalDomains whether people of several domains can sign in
 */
export function warningsOf(policy: Policy, situation: Situation = {}): PolicyProblem[] {
  const { workloadGroups = [], severalDomains = false } = situation;
  const { users, rules, groups, warnings } = policy;
  const names = new Set([...groups.names, ...workloadGroups]);
  const covers = findShadowedRules(rules);
  const suggestGroup = createSuggest(names);
  const deadPartsOf = createDeadParts(users);
  const found = rules.flatMap((rule) => {
    return [
      ...unreachable(rule, covers.get(rule)),
      ...undefinedGroups(rule, names, suggestGroup),
      ...groupsOfStrangers(rule),
      ...(severalDomains ? localParts(rule) : []),
      ...unknownVariables(rule),
      ...(rule.actions.length === 0 ? meetingStars(rule) : []),
      ...deadPartsOf(rule),
    ].map((message): PolicyProblem => ({ line: rule.line, column: rule.column, severity: 'warning', message }));
  });
  return [...warnings, ...found].toSorted((a, b) => a.line - b.line || a.column - b.column);
}

function unreachable({ number }: Rule, cover: Rule | undefined): string[] {
  if (!cover) return [];
  return [
    `rule ${number} can never decide: whatever it matches, rule ${cover.number} (line ${cover.line}) matches before`,
  ];
}

/** A group of a provider has its prefix, so a plain name that the file doesn't define has no members. */
function undefinedGroups(rule: Rule, names: ReadonlySet<string>, suggestGroup: (name: string) => string): string[] {
  return groupPatternsOf(rule)
    .filter((pattern) => !/[:*?[\\$]/.test(pattern) && !isExpression(pattern) && !names.has(pattern))
    .map(
      (name) =>
        `nothing defines the group "${name}"${suggestGroup(name)}; groups of a provider are written PROVIDER:NAME`,
    );
}

function groupPatternsOf({ conditions }: Rule): string[] {
  return conditions.flatMap(({ field, patterns }) => (field === 'group' ? patterns : []));
}

function groupsOfStrangers(rule: Rule): string[] {
  return groupPatternsOf(rule)
    .filter(leavesDomainOpen)
    .map(
      (pattern) =>
        `match.group ${pattern} leaves the domain open, so it can match groups that strangers make; write the domain, as in google:team-*@example.com, or a short name`,
    );
}

/** ana@example.com and ana@example.net have the same local part. */
function localParts({ conditions }: Rule): string[] {
  if (conditions.some(({ field }) => field === 'domain')) return [];
  const patterns = conditions.flatMap((condition) => condition.patterns);
  const accounts = conditions.flatMap(({ field, patterns: written }) => (field === 'account' ? written : []));
  const found = [
    ...patterns.flatMap((pattern) => /\$\{(?:user|account:\d+)\}/i.exec(pattern)?.[0] ?? []),
    ...accounts.filter((pattern) => /@(?:[^@]*[*?[]|[^@.]*$)/.test(pattern) && !isExpression(pattern)),
  ];
  return [...new Set(found)].map(
    (what) => `${what} is the same for people of different domains, and several can sign in: add match.domain`,
  );
}

const variables = ['account', 'type', 'name', 'service', 'domain', 'user'];

function unknownVariables(rule: Rule): string[] {
  const captures = findCaptures((name) => rule.conditions.find(({ field }) => field === name)?.patterns[0] ?? '');
  return rule.conditions.flatMap(({ field, patterns }) => {
    const placeholders = patterns.flatMap((pattern) => pattern.match(/\$\{[^}]*\}/g) ?? []);
    const choices = captureFields.some((name) => name === field);
    return placeholders.flatMap((written) => {
      const inner = written.slice(2, -1);
      if (variables.includes(inner) || captures.has(written)) return [];
      if (choices && (usesGroups(written) || inner.startsWith('labels:'))) return [];
      return `${written} in match.${field} means nothing there and is taken as it is written${hintFor(inner)}`;
    });
  });
}

/** A star on both sides of values that can be empty. With `**` on one side it crosses slashes anyway. */
const starsAroundValues = /(?<![\\*])\*(?:\$\{(?!group)[^}]*\})+\*(?!\*)/;
/** A star beside a value that can bring another one. */
const starBesideRawValue =
  /(?<![\\*])\*\$\{(?:labels|account|type|name|service):[^}]*\}|\$\{(?:labels|account|type|name|service):[^}]*\}\*(?!\*)/;

/** Of a rule that takes everything away: what it doesn't match, a rule after it can grant. */
function meetingStars({ conditions, raw }: Rule): string[] {
  const meet = (pattern: string): boolean =>
    !isExpression(pattern) && (starsAroundValues.test(pattern) || (raw && starBesideRawValue.test(pattern)));
  return conditions.flatMap(({ field, patterns }) =>
    patterns
      .filter(meet)
      .map(
        (pattern) =>
          `match.${field} ${pattern} doesn't cross slashes where its values bring two stars together, so a later rule can grant what is behind one; write ** if it should cross them`,
      ),
  );
}

function hintFor(inner: string): string {
  const [, field] = /^(\w+):\d+$/.exec(inner) ?? [];
  if (field === undefined) return suggest(inner, [...variables, 'group']);
  return `; a capture needs match.${field} to be an expression between slashes, and no variable before it in the same pattern`;
}
