/** Owns why a member of a group is no one: it's written as a pattern, or is a name that no one has. */
import { isExpression } from '../pattern/expression.ts';
import { createDeadAccount, deadDomain } from './dead-names.ts';
import type { Member } from './groups.ts';

/** `null` where someone can be it. @param text as it is written */
export type WhyNoOne = (member: Member, text: string) => string | null;

/** @param users of the file */
export function createWhyNoOne(users: ReadonlyMap<string, unknown>): WhyNoOne {
  const deadAccount = createDeadAccount(users);
  return (member, text) => {
    const name = member.kind === 'email' ? text : text.slice(text.indexOf(':') + 1);
    if (isMeantAsPattern(member, name)) return `members aren't patterns; ${insteadOf(member, text, name)}`;
    if (member.kind === 'domain') return deadDomain(name);
    return member.kind === 'account' ? deadAccount(name.normalize('NFC')) : null;
  };
}

/** A group can be called `[APP] Developers` at its provider, unless its name is an address. */
function isMeantAsPattern({ kind }: Member, name: string): boolean {
  const hasSigns = kind === 'group' && !name.includes('@') ? /[*?]|\$\{/ : /[*?[]|\$\{/;
  return isExpression(name) || hasSigns.test(name);
}

function insteadOf({ kind }: Member, text: string, name: string): string {
  if (kind === 'group') return `write match.group: ${JSON.stringify(text)} in the rule`;
  const field = kind === 'domain' ? 'domain' : 'account';
  return `write match.${field}: ${JSON.stringify(name)} in the rule`;
}
