/** Owns the policy the other way round: the rules that can concern a repository, no matter who asks. */
import { anonymous } from '../identity/identity.ts';
import type { Access } from '../scope.ts';
import type { Policy } from './acl.ts';
import type { ConditionField } from './match-fields.ts';
import { fails, grantedBy, type Rule } from './rule.ts';
import { subjectOf } from './subject.ts';

export type RuleAt = {
  readonly number: number;
  readonly line: number;
  readonly comment: string | null;
  readonly actions: readonly string[];
  /** Whether it grants what is asked for; a rule that doesn't takes it from everyone whom it matches. */
  readonly grants: boolean;
  /** What someone must be, or a request have, to be matched; empty: everyone. */
  readonly requires: readonly { readonly field: ConditionField; readonly patterns: readonly string[] }[];
};

const ofRequest: readonly ConditionField[] = ['type', 'name', 'service'];

/** In their order, up to the first that matches everyone: nothing after it decides anything here. */
export function rulesAt({ rules, groups }: Policy, access: Access, service: string): RuleAt[] {
  const subject = subjectOf(groups, anonymous, access, { service, address: '' });
  const isOpen = (pattern: string) => pattern.includes('${');
  const found = rules.filter(({ conditions }) =>
    conditions.every((one) => !ofRequest.includes(one.field) || one.patterns.some(isOpen) || !fails(one, subject)),
  );
  const all = found.map((rule) => ruleAt(rule, access, isOpen));
  const last = all.findIndex(({ requires }) => requires.length === 0);
  return last < 0 ? all : all.slice(0, last + 1);
}

function ruleAt(
  { number, line, comment, actions, conditions }: Rule,
  access: Access,
  isOpen: (text: string) => boolean,
) {
  const requires = conditions
    .filter(({ field, patterns }) => !ofRequest.includes(field) || patterns.some(isOpen))
    .map(({ field, patterns }) => ({ field, patterns }));
  return { number, line, comment, actions, grants: grantedBy(actions, access.actions).length > 0, requires };
}
