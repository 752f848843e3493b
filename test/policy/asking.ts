/** What the policy's tests share: somebody who asks, and the shortest way to what they are granted. */
import { anonymous, type Identity } from '../../src/identity/identity.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { decide } from '../../src/policy/decide.ts';
import { type MatchFieldName, matchFieldNames } from '../../src/policy/match-fields.ts';
import { type Condition, compileConditions } from '../../src/policy/rule.ts';
import type { Dialect } from '../../src/policy/template.ts';

/** A person `local@domain`, or a static user where there is no `@`, or anonymous for `''`. */
export function somebody(account: string, also: Partial<Identity> = {}): Identity {
  const [, domain = null] = account.split('@');
  const kind = account === '' ? 'anonymous' : domain === null ? 'static' : 'person';
  return { ...anonymous, kind, account, email: domain === null ? null : account, domain, ...also };
}

export type Asking = {
  readonly account?: string;
  readonly also?: Partial<Identity>;
  readonly type?: string;
  readonly name?: string;
  readonly actions?: readonly string[];
  readonly service?: string;
  readonly address?: string;
};

/** What is asked where a test does not say: everything on team/app, from 10.0.0.7. */
export function ask(policyText: string, asking: Asking): string {
  const access = {
    type: asking.type ?? 'repository',
    name: asking.name ?? 'team/app',
    actions: asking.actions ?? ['pull', 'push'],
  };
  const context = { service: asking.service ?? 'registry', address: asking.address ?? '10.0.0.7' };
  const identity = somebody(asking.account ?? 'ana@example.com', asking.also);
  return decide(parsePolicy(policyText, 'policy.yml'), identity, access, context).granted.join(',');
}

/** A policy of one rule that grants everything where `match` (in YAML flow style) holds. */
export function oneRule(match: string): string {
  return `acl: [{match: ${match}, actions: ["*"]}]`;
}

/** The `match` of a rule: one pattern, a list, or for labels a pattern by name. */
export type Match = Partial<Record<MatchFieldName, string | readonly string[] | Readonly<Record<string, string>>>>;

/** The conditions of a rule without a file; `report` gets the mistakes. */
export function conditionsOf(match: Match, dialect: Dialect, report: (message: string) => void): Condition[] {
  const written = matchFieldNames.flatMap((name) => {
    const given = match[name] ?? [];
    if (typeof given === 'string') return { name, key: '', patterns: [given] };
    if (Array.isArray(given)) return given.length === 0 ? [] : { name, key: '', patterns: given };
    return Object.entries(given).map(([key, pattern]) => ({ name, key, patterns: [String(pattern)] }));
  });
  return compileConditions(written, dialect, ({ name }, pattern, message) =>
    report(`${name} "${pattern}": ${message}`),
  );
}
