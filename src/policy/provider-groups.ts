/** Owns which groups of one provider a policy names, for a directory that is asked about each by name. */
import { isExpression } from '../pattern/expression.ts';
import type { Policy } from './acl.ts';

/**
 * @param prefix of the provider: `google`
 * @returns names without the prefix; patterns name no group and are left out
 */
export function providerGroups({ rules, groups }: Policy, prefix: string): string[] {
  const ofRules = rules.flatMap(({ conditions }) =>
    conditions.flatMap(({ field, patterns }) => (field === 'group' ? patterns : [])),
  );
  const ofFile = [...groups.byMember.keys()].map((key) => key.replace(/^group /, ''));
  const names = [...ofRules, ...ofFile].filter((name) => name.startsWith(`${prefix}:`) && !isPattern(name));
  return [...new Set(names.map((name) => name.slice(prefix.length + 1)))];
}

function isPattern(text: string): boolean {
  return isExpression(text) || /[*?[\\$]/.test(text);
}
