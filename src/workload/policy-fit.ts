/** Owns what the policy and the workloads file must not do together, and what one of them grants through the other. */
import { anonymous, type Identity } from '../identity/identity.ts';
import type { Policy } from '../policy/acl.ts';
import { type EffectivePermissions, effectivePermissionsOf } from '../policy/effective-permissions.ts';
import type { PolicyProblem } from '../policy/reader.ts';
import { fails, type Rule } from '../policy/rule.ts';
import { subjectOf } from '../policy/subject.ts';
import { exactValues } from './condition.ts';
import { anyIssuer } from './issuer.ts';
import type { WorkloadRule } from './rule.ts';
import type { Template } from './template.ts';
import type { Workloads } from './workloads.ts';

/** Mistakes of the policy file: a value of a claim could be read as a pattern. */
export function policyProblems({ rules }: Policy, workloads: Workloads): PolicyProblem[] {
  const filled = new Set(
    workloads.rules.flatMap(({ labels }) =>
      labels.flatMap(({ name, values }) => (values.some(({ claims }) => claims.length > 0) ? name : [])),
    ),
  );
  return rules.flatMap((rule) => {
    const name = [...filled].find((label) => usesLabel(rule, label));
    if (!rule.raw || name === undefined) return [];
    const message = `rule ${rule.number} is raw and uses the label "${name}", which workloads take from claims: a claim would be read as a pattern. Take "raw: true" out`;
    return [{ line: rule.line, column: rule.column, severity: 'error', message }];
  });
}

function usesLabel({ conditions }: Rule, label: string): boolean {
  return conditions.some(({ patterns }) => patterns.some((pattern) => pattern.includes(`\${labels:${label}}`)));
}

/** Mistakes of the workloads file: a user name that is someone else's already. */
export function workloadProblems({ users }: Policy, { issuers }: Workloads): PolicyProblem[] {
  return [anyIssuer, ...issuers.keys()].flatMap((name) => {
    if (!users.has(name)) return [];
    const place = issuers.get(name)?.place ?? { line: 1, column: 1 };
    const message =
      name === anyIssuer
        ? `the policy file has a user "${name}", which is the user name of workloads: rename that user`
        : `the issuer "${name}" is also a user of the policy file: rename one of them`;
    return [{ line: place.line, column: place.column, severity: 'error', message }];
  });
}

/**
 * Rules of the policy that were hardly written for CI: they name no kind and nothing that only a workload has, and cover
 * every workload now.
 */
export function coverageWarnings({ rules, groups }: Policy, workloads: Pick<Workloads, 'rules'>): PolicyProblem[] {
  if (workloads.rules.length === 0) return [];
  const examples = workloads.rules.map((rule) =>
    subjectOf(groups, { ...exampleOf(rule), groups: [], labels: {} }, anything, anywhere),
  );
  return rules.flatMap((rule) => {
    const asksWho = rule.conditions.filter(
      ({ field }) =>
        field === 'kind' ||
        field === 'account' ||
        field === 'domain' ||
        field === 'group' ||
        field.startsWith('labels.'),
    );
    const isMeant =
      rule.actions.length === 0 ||
      asksWho.some(({ field, patterns }) => field === 'kind' || patterns.some((pattern) => pattern.startsWith('ci:')));
    const covers = examples.some((subject) => asksWho.every((condition) => !fails(condition, subject)));
    if (isMeant || !covers) return [];
    const message = `rule ${rule.number} covers workloads too (kind ci): write kind: [person, static, robot] in its match for people and robots only, or name ci there to mean it`;
    return [{ line: rule.line, column: rule.column, severity: 'warning', message }];
  });
}

const anything = { type: '', name: '', actions: [] };
const anywhere = { service: '', address: '' };

/** What the policy grants the workloads that this rule lets in. */
export function grantsOf(policy: Policy, rule: WorkloadRule): EffectivePermissions {
  return effectivePermissionsOf(policy, exampleOf(rule));
}

/** A workload that the rule lets in: with the values that it pins, and the names of claims where it pins none. */
function exampleOf(rule: WorkloadRule): Identity {
  const { issuer, account, groups } = rule;
  const [made] = issuer.preset.accounts;
  const name =
    account === null
      ? `ci:${issuer.name}:${made === undefined ? '' : fillExample(made, rule)}`
      : fillExample(account, rule);
  const labels = rule.labels.map(
    (label) => [label.name, label.values.map((value) => fillExample(value, rule))] as const,
  );
  return { ...anonymous, kind: 'ci', account: name, groups, labels: Object.fromEntries(labels) };
}

function fillExample({ written }: Template, { conditions }: WorkloadRule): string {
  return written.replaceAll(/\$\{claims:([^}]+)\}/g, (_, claim: string) => {
    const condition = conditions.find((one) => one.claim === claim);
    const [value] = (condition && exactValues(condition)) ?? [];
    return value ?? claim;
  });
}
