/** Owns what `policy check` warns of: rules that can never match, groups that nothing defines, variables that mean nothing. */
import { compilePattern, isExpression } from '../pattern.ts';
import type { Policy } from './acl.ts';
import { contains, parseAddress, parseNetwork } from './address.ts';
import { type PolicyProblem, suggest } from './reader.ts';
import type { Condition, Rule } from './rule.ts';
import { type CaptureField, captureFields, findCaptures } from './template.ts';

/** Those of the file itself and those that take all of its rules to see, by line. */
export function warningsOf(policy: Policy): PolicyProblem[] {
  const { rules, groups, warnings } = policy;
  const found = rules.flatMap((rule, index) => {
    return [
      ...unreachable(rule, rules.slice(0, index)),
      ...undefinedGroups(rule, groups.names),
      ...unknownVariables(rule),
    ].map((message): PolicyProblem => ({ line: rule.line, column: rule.column, severity: 'warning', message }));
  });
  return [...warnings, ...found].toSorted((a, b) => a.line - b.line);
}

function unreachable(rule: Rule, earlier: readonly Rule[]): string[] {
  const cover = earlier.find((candidate) => covers(candidate, rule));
  if (!cover) return [];
  return [
    `rule ${rule.number} can never decide: whatever it matches, rule ${cover.number} (line ${cover.line}) matches before`,
  ];
}

/** Whether every access that `rule` matches is one that `cover` matches. When in doubt: no. */
function covers(cover: Rule, rule: Rule): boolean {
  return cover.conditions.every((condition) => {
    if (condition.patterns.some((pattern) => isEverything(pattern, condition.field))) return true;
    const own = rule.conditions.find(({ field }) => field === condition.field);
    return (
      own?.patterns.every((pattern) => condition.patterns.some((wide) => includes(condition, wide, pattern))) === true
    );
  });
}

function isEverything(pattern: string, field: Condition['field']): boolean {
  // The others hold for nobody who has none: no group, no domain, no such label, no known address.
  const always = captureFields.some((name) => name === field);
  return always && ['**', '/.*/', '/^/', '/$/'].includes(pattern);
}

/** Whether all that `narrow` matches is matched by `wide`. */
function includes({ field }: Condition, wide: string, narrow: string): boolean {
  if (field === 'ip') return networkIncludes(wide, narrow);
  // A capture or a label means what the rest of its rule makes of it.
  if (/\$\{[^}]*:/.test(wide)) return false;
  if (wide === narrow) return true;
  if (wide.includes('${') || narrow.includes('${') || isExpression(narrow)) return false;
  if (!/[*?[\\]/.test(narrow)) return compilePattern(wide, { doubleStar: true })(narrow);
  return globIncludes(wide, narrow);
}

/** `team/**` includes `team/x-*`; `team/*` includes `team/x-*` but not `team/x/*`. */
function globIncludes(wide: string, narrow: string): boolean {
  const [, prefix = '', stars = ''] = /^([^*?[\\]*)(\*+)$/.exec(wide) ?? [];
  if (stars === '' || isExpression(wide) || !narrow.startsWith(prefix)) return false;
  return stars.length > 1 || !/\/|\*\*|\[/.test(narrow.slice(prefix.length));
}

function networkIncludes(wide: string, narrow: string): boolean {
  const [outer, inner] = [parseNetwork(wide), parseNetwork(narrow)];
  const first = parseAddress(narrow.split('/')[0] ?? '');
  return outer !== null && inner !== null && first !== null && outer.bits <= inner.bits && contains(outer, first);
}

/** A group of a provider has its prefix, so a plain name that the file does not define is nobody's. */
function undefinedGroups(rule: Rule, names: ReadonlySet<string>): string[] {
  const patterns = rule.conditions.flatMap(({ field, patterns: written }) => (field === 'group' ? written : []));
  return patterns
    .filter((pattern) => !/[:*?[\\$]/.test(pattern) && !isExpression(pattern) && !names.has(pattern))
    .map(
      (name) =>
        `nothing defines the group "${name}"${suggest(name, [...names])}; groups of a provider are written PROVIDER:NAME`,
    );
}

const variables = ['account', 'type', 'name', 'service', 'domain', 'user'];

function unknownVariables(rule: Rule): string[] {
  const fields: Partial<Record<CaptureField, string>> = {};
  for (const name of captureFields)
    fields[name] = rule.conditions.find(({ field }) => field === name)?.patterns[0] ?? '';
  const captures = findCaptures(fields);
  return rule.conditions.flatMap(({ field, patterns }) => {
    const placeholders = patterns.flatMap((pattern) => pattern.match(/\$\{[^}]*\}/g) ?? []);
    const choices = captureFields.some((name) => name === field);
    return placeholders.flatMap((written) => {
      const inner = written.slice(2, -1);
      if (variables.includes(inner) || captures.has(written)) return [];
      if (choices && (inner === 'group' || inner.startsWith('labels:'))) return [];
      return `${written} in match.${field} stands for nothing there and is taken as it is written${hintFor(inner)}`;
    });
  });
}

function hintFor(inner: string): string {
  const [, field] = /^(\w+):\d+$/.exec(inner) ?? [];
  if (field === undefined) return suggest(inner, [...variables, 'group']);
  return `; a capture needs match.${field} to be an expression between slashes, and no variable before it in the same pattern`;
}
