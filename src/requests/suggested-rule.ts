/** Owns lines for the policy that would grant an access request, which the engine has tried: they grant that and change nothing else. */
import type { Identity } from '../identity/identity.ts';
import { type Policy, parsePolicy, withRule } from '../policy/acl.ts';
import { decide } from '../policy/decide.ts';
import { fails, type Rule } from '../policy/rule.ts';
import { subjectOf } from '../policy/subject.ts';

export type Wanted = {
  readonly service: string;
  readonly name: string;
  readonly actions: readonly string[];
  readonly address: string;
  /** Of the request, for the comment. */
  readonly id: string;
};

/** `before`: the rule before which the lines belong, because the first match wins; `null`: after the last rule. */
export type Suggestion =
  | { readonly yaml: string; readonly before: { readonly rule: number; readonly line: number } | null }
  | { readonly why: string };

/** For whom and where nothing may change. */
export type Others = { readonly people: readonly Identity[]; readonly repositories: readonly string[] };

const known = ['delete', 'pull', 'push'];

/** Where it isn't certain that the lines change nothing else, there are none: an administrator then writes them by hand. */
export function suggestRule(policy: Policy, identity: Identity, wanted: Wanted, others: Others): Suggestion {
  const { service, name, address } = wanted;
  const access = { type: 'repository', name, actions: known };
  const now = decide(policy, identity, access, { service, address });
  if (wanted.actions.every((action) => now.allowed.includes(action))) {
    return { why: 'The policy in force grants this already.' };
  }
  if (now.undecided.length > 0) return { why: 'What this person has depends on groups that are unknown now.' };
  if (mayDependOnMore(policy, identity, wanted, now.rule)) {
    return { why: 'What this person has here depends on addresses. Write the rule by hand.' };
  }
  const given = now.rule?.actions ?? [];
  if (given.includes('*')) return { why: 'The rule that matches lists * among other actions. Change it by hand.' };
  const actions = [...new Set([...given, ...wanted.actions])].sort();
  const yaml = linesOf(identity.account, wanted, actions);
  const before = now.rule && { rule: now.rule.number, line: now.rule.line };
  return isRight({ policy, identity, wanted, others }, yaml, before?.rule ?? null)
    ? { yaml, before }
    : { why: 'No lines were found that grant this and nothing else. Write the rule by hand.' };
}

/** Whether a rule up to the one that decides applies from some addresses only, or its match isn't known. */
function mayDependOnMore(policy: Policy, identity: Identity, { service, name, address }: Wanted, rule: Rule | null) {
  const context = { service, address };
  const subject = subjectOf(policy.groups, identity, { type: 'repository', name, actions: known }, context);
  const last = rule?.number ?? Number.POSITIVE_INFINITY;
  return policy.rules.some(({ number, conditions }) => {
    const isOnAddresses = conditions.some(({ field }) => field === 'ip');
    const others = conditions.filter(({ field }) => field !== 'ip');
    return number <= last && isOnAddresses && !others.some((condition) => fails(condition, subject));
  });
}

function linesOf(account: string, { name, service, id }: Wanted, actions: readonly string[]): string {
  const match = [
    'kind: person',
    `account: ${yamlOf(patternOf(account))}`,
    'type: repository',
    `name: ${yamlOf(patternOf(name))}`,
    `service: ${yamlOf(patternOf(service))}`,
  ];
  return [
    '  - match:',
    ...match.map((line) => `      ${line}`),
    `    actions: [${actions.map(yamlOf).join(', ')}]`,
    `    comment: ${yamlOf(`Access request ${id}`)}`,
  ].join('\n');
}

/** The text as a pattern that matches it alone: no glob, no expression, no variable. */
function patternOf(text: string): string {
  return text.replaceAll(/[*?[\]\\${}^]|^\//g, '\\$&');
}

/** In double quotes, with everything escaped that YAML, an editor or a terminal could take for something else. */
function yamlOf(text: string): string {
  if (/^[a-z]+$/.test(text) && !['y', 'n', 'yes', 'no', 'on', 'off', 'true', 'false', 'null'].includes(text))
    return text;
  const escaped = text.replaceAll(/["\\]|[^\x20-\x7e\p{Script=Latin}]/gu, (sign) => {
    if (sign === '"' || sign === '\\') return `\\${sign}`;
    const point = sign.codePointAt(0) ?? 0;
    return point > 0xffff ? `\\U${hex(point, 8)}` : `\\u${hex(point, 4)}`;
  });
  return `"${escaped}"`;
}

function hex(point: number, digits: number): string {
  return point.toString(16).toUpperCase().padStart(digits, '0');
}

type Trial = { readonly policy: Policy; readonly identity: Identity; readonly wanted: Wanted; readonly others: Others };

/** Reads the lines as the policy file would be read, and asks the engine. */
function isRight({ policy, identity, wanted, others }: Trial, yaml: string, before: number | null): boolean {
  const [added, ...more] = parsePolicy(`acl:\n${yaml}\n`, 'suggestion').rules;
  if (added === undefined || more.length > 0 || added.actions.includes('*')) return false;
  const candidate = withRule(policy, added, before);
  const { name, service, address } = wanted;
  const actions = [...new Set([...known, ...added.actions, '*'])];
  const allowed = (one: Policy, who: Identity, repository: string, at: string): string => {
    const access = { type: 'repository', name: repository, actions };
    return decide(one, who, access, { service: at, address }).allowed.toSorted().join(' ');
  };
  const isSame = (who: Identity, repository: string, at = service): boolean =>
    allowed(policy, who, repository, at) === allowed(candidate, who, repository, at);
  const given = allowed(policy, identity, name, service).split(' ').filter(Boolean);
  const expected = [...new Set([...given, ...wanted.actions])].sort().join(' ');
  return (
    allowed(candidate, identity, name, service) === expected &&
    isSame(identity, name, `${service}x`) &&
    [...neighboursOf(identity), ...others.people]
      .filter(({ kind, account }) => kind !== identity.kind || account !== identity.account)
      .every((who) => isSame(who, name)) &&
    [`${name}x`, `${name}/x`, `x${name}`, name.slice(0, -1), ...others.repositories]
      .filter((other) => other !== name)
      .every((other) => isSame(identity, other))
  );
}

/** Who is most easily taken for the person. */
function neighboursOf(identity: Identity): Identity[] {
  const { account } = identity;
  const accounts = [`${account}x`, `x${account}`, account.slice(1), account.replace(/[^a-z]/, 'x')];
  return [...accounts.map((other) => ({ ...identity, account: other })), { ...identity, kind: 'robot' }];
}
