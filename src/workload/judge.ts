/** Owns the judgement of verified claims: which rule lets a workload in, what it then is to the policy, or what came closest. */
import { type Claims, textOf } from './claims.ts';
import { type FailedCondition, failureOf } from './condition.ts';
import type { Issuer } from './issuer.ts';
import type { WorkloadRule } from './rule.ts';
import { fillTemplate, type Template, TemplateProblem } from './template.ts';
import type { Workloads } from './workloads.ts';

/** What a rule makes of claims. */
export type Workload = {
  readonly rule: WorkloadRule;
  /** "ci:github:acme/web" */
  readonly account: string;
  readonly groups: readonly string[];
  readonly labels: Readonly<Record<string, readonly string[]>>;
  /** Tells the runs of an account apart, for the audit; `null` where the issuer doesn't say. */
  readonly run: string | null;
};

/** Why no rule lets the claims in. */
export type Mismatch = {
  /** The rule of this issuer that the most conditions hold of; `null` where it has none. */
  readonly nearest: WorkloadRule | null;
  readonly failed: readonly FailedCondition[];
  /** In words, where it's not a condition: a service, or a claim that an account or label needs. */
  readonly problem: string | null;
  /** Whether an id of the claims is in one of the rules, so that they aren't a stranger's. */
  readonly isKnown: boolean;
};

export type Judgement = { readonly workload: Workload } | { readonly mismatch: Mismatch };

/**
 * The first rule whose conditions all hold decides alone: nothing of two rules is ever combined.
 * @param claims verified, of this issuer
 * @param service the registry that asks; `null` where none does yet
 */
export function judge(workloads: Workloads, issuer: Issuer, claims: Claims, service: string | null): Judgement {
  const rules = workloads.rules.filter((rule) => rule.issuer === issuer);
  const rule = rules.find((one) => isFor(one, service) && one.conditions.every(({ holds }) => holds(claims)));
  if (rule === undefined || !isFor(issuer, service)) return { mismatch: nearestOf(rules, issuer, claims, service) };
  try {
    return { workload: workloadOf(rule, claims) };
  } catch (error) {
    if (!(error instanceof TemplateProblem)) throw error;
    // No rule below it decides instead: it was not written for what this one matches.
    return { mismatch: { nearest: rule, failed: [], problem: error.message, isKnown: true } };
  }
}

function isFor({ services }: { readonly services: readonly string[] | null }, service: string | null): boolean {
  return services === null || service === null || services.includes(service);
}

function nearestOf(rules: readonly WorkloadRule[], issuer: Issuer, claims: Claims, service: string | null): Mismatch {
  const ranked = rules
    .map((rule) => ({ rule, failed: rule.conditions.filter(({ holds }) => !holds(claims)) }))
    .toSorted((a, b) => a.failed.length - b.failed.length);
  const [nearest] = ranked;
  const isElsewhere = !isFor(issuer, service) || (nearest?.failed.length === 0 && !isFor(nearest.rule, service));
  return {
    nearest: nearest?.rule ?? null,
    failed: nearest?.failed.map((condition) => failureOf(condition, claims)) ?? [],
    problem: isElsewhere
      ? `not for the service "${service}"`
      : nearest === undefined
        ? 'no rule is for this issuer'
        : null,
    isKnown: rules.some(({ conditions }) => conditions.some((one) => isId(issuer, one.claim) && one.holds(claims))),
  };
}

function isId({ preset }: Issuer, claim: string): boolean {
  return claim === 'sub' || preset.ids.includes(claim);
}

/** @throws {TemplateProblem} */
function workloadOf(rule: WorkloadRule, claims: Claims): Workload {
  const { issuer, labels, groups } = rule;
  return {
    rule,
    account: accountOf(rule, claims),
    groups,
    labels: Object.fromEntries(
      labels.map(({ name, values }) => [name, values.map((template) => fillTemplate(template, claims))]),
    ),
    run: runOf(issuer, claims),
  };
}

/** @throws {TemplateProblem} */
function accountOf({ account, issuer }: WorkloadRule, claims: Claims): string {
  if (account !== null) return fillTemplate(account, claims);
  const templates = issuer.preset.accounts;
  const complete = templates.find((template) => hasAll(template, claims)) ?? templates[0];
  return `ci:${issuer.name}:${complete === undefined ? '' : fillTemplate(complete, claims)}`;
}

function hasAll(template: Template, claims: Claims): boolean {
  return template.claims.every((name) => textOf(claims, name) !== null);
}

/** Characters that a log and a table take, whatever the issuer puts in. */
const maximumRun = 100;

export function runOf({ preset }: Issuer, claims: Claims): string | null {
  for (const name of preset.runs) {
    const value = textOf(claims, name);
    if (value !== null) return value.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, maximumRun);
  }
  return null;
}
