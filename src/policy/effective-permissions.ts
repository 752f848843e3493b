/** Owns the answer to "what can I do?": the rules that can ever apply to someone, in their order, whatever they ask for. */
import { foldCase, type Identity } from '../identity/identity.ts';
import { compileExpression, isExpression } from '../pattern/expression.ts';
import type { Policy } from './acl.ts';
import type { Membership } from './groups.ts';
import { type ConditionField, matchFieldOf } from './match-fields.ts';
import { membershipsOf } from './memberships.ts';
import { type Condition, fails, type Rule } from './rule.ts';
import { type Subject, subjectOf, widestOf } from './subject.ts';
import { namesOfProvider } from './template.ts';

/** A rule whose conditions on the person hold. */
export type CandidateRule = {
  readonly number: number;
  readonly line: number;
  readonly comment: string | null;
  /** `['*']`: whatever is asked for; empty: nothing. */
  readonly actions: readonly string[];
  /** Whether it applies depends on groups that are unknown; then nothing is granted that it doesn't grant. */
  readonly mayApply: boolean;
  /** What made it apply to this person; empty: it applies to everyone. */
  readonly because: readonly Reason[];
  /** What a request must still match: the repository, the registry, the address. Empty: any request. */
  readonly requires: readonly { readonly field: ConditionField; readonly patterns: readonly string[] }[];
};

/** A condition that holds; for a group, the memberships that are meant. */
export type Reason = {
  readonly field: ConditionField;
  readonly patterns: readonly string[];
  readonly groups: readonly Membership[];
};

export type EffectivePermissions = {
  readonly groups: readonly Membership[];
  /** The first that matches a request decides it. Rules after one that matches every request are left out. */
  readonly candidateRules: readonly CandidateRule[];
};

/** What the policy allows someone, before a password restricts it. */
export function effectivePermissionsOf(policy: Policy, identity: Identity): EffectivePermissions {
  const groups = membershipsOf(policy.groups, identity);
  const nothing = { type: '', name: '', actions: [] };
  const subject = subjectOf(policy.groups, identity, nothing, { service: '', address: '' });
  const appliesTo = ({ conditions }: Rule, whom: Subject) => conditions.every((one) => waits(one) || !fails(one, whom));
  const widest = widestOf(policy.groups, identity, subject) ?? subject;
  const applying = policy.rules.filter((rule) => appliesTo(rule, widest));
  const last = applying.findIndex((rule) => appliesTo(rule, subject) && !rule.conditions.some(waits));
  const reachable = last < 0 ? applying : applying.slice(0, last + 1);
  return {
    groups,
    candidateRules: reachable.map((rule) => ({
      ...candidateRuleOf(rule, subject, groups),
      mayApply: !appliesTo(rule, subject),
    })),
  };
}

/** Whether the condition can only be judged once there is a request. */
function waits({ field, patterns }: Condition): boolean {
  return (
    matchFieldOf(field).decidedBy === 'request' ||
    patterns.some((pattern) => /\$\{(name|type|service)[:}]/i.test(pattern))
  );
}

function candidateRuleOf(rule: Rule, subject: Subject, groups: readonly Membership[]): Omit<CandidateRule, 'mayApply'> {
  const { number, line, comment, actions, conditions } = rule;
  const fill = (pattern: string) => fillIn(pattern, rule, subject);
  return {
    number,
    line,
    comment,
    actions,
    because: conditions
      .filter((condition) => !waits(condition))
      .map((condition) => ({
        field: condition.field,
        patterns: condition.patterns,
        groups: condition.field === 'group' ? groups.filter((group) => meets(condition, subject, group)) : [],
      })),
    requires: conditions
      .filter(waits)
      .map(({ field, patterns }) => ({ field, patterns: [...new Set(patterns.flatMap(fill))] })),
  };
}

/** The same condition, for someone who is only in this group. */
function meets(condition: Condition, subject: Subject, { name }: Membership): boolean {
  return !fails(condition, { ...subject, groups: [name] });
}

/** The pattern with the person's own values in it, one for each group or label value; for reading, not for matching. */
function fillIn(pattern: string, rule: Rule, subject: Subject): string[] {
  const { account, user, domain, groups, labels } = subject;
  const values: Readonly<Record<string, string | null>> = { account, user, domain };
  const filled = pattern.replaceAll(/\$\{([^}]+)\}/g, (written, name: string) => {
    return values[name] ?? captured(name, rule, foldCase(account)) ?? written;
  });
  const [choice, kind, name = ''] = /\$\{(group|labels)(?::([^}]+))?\}/.exec(filled) ?? [];
  if (choice === undefined) return [filled];
  const choices = kind === 'labels' ? (labels[name] ?? []) : name === '' ? groups : namesOfProvider(groups, name);
  return choices.map((value) => filled.replaceAll(choice, value));
}

/** `account:1`: what the first parentheses of the rule's own account expression catch. */
function captured(name: string, { conditions }: Rule, account: string): string | null {
  const [, group] = /^account:(\d+)$/i.exec(name) ?? [];
  const [pattern = ''] = conditions.find(({ field }) => field === 'account')?.patterns ?? [];
  if (group === undefined || !isExpression(pattern)) return null;
  const matcher = compileExpression(pattern.slice(1, -1)).matcher(account);
  return matcher.find() && Number(group) <= matcher.groupCount() ? matcher.group(Number(group)) : null;
}
