/** Owns the decision: which rule applies to an access, and what is granted. */
import type { Bound, Identity, Limits } from '../identity/identity.ts';
import { remember } from '../pattern/compiled.ts';
import { compileGlob } from '../pattern/glob.ts';
import type { Access } from '../scope.ts';
import type { Policy } from './acl.ts';
import { TooManyCombinations } from './choices.ts';
import { failingCondition, grantedBy, looksAtGroups, type Rule } from './rule.ts';
import { asking, type DecisionContext, mayBeAnywhere, principalOf, type Subject, widestOf } from './subject.ts';

export type { DecisionContext } from './subject.ts';

export type Decision = {
  /** As it was requested. */
  readonly access: Access;
  /** Never more than was requested. */
  readonly granted: readonly string[];
  /** What the policy allows, before the limits of the credential. */
  readonly allowed: readonly string[];
  /** The first rule that matches, or `null`: none does, or one can't be decided, so nothing is granted. */
  readonly rule: Rule | null;
  /**
   * The rules above it that may match: it depends on groups or on an address that are unknown. Only what all of them and `rule`
   * grant is allowed, so knowing less about someone never grants more.
   */
  readonly undecided: readonly Rule[];
  /** What the maker of a robot's password can do; `null` if no one else bounds the identity. */
  readonly bound: { readonly login: string; readonly allowed: readonly string[]; readonly enforced: boolean } | null;
};

/**
 * What the policy allows, narrowed by the limits of the credential. A robot's password that a person made gets no more than that
 * person would, asking for the same, from the same address, at the same service.
 */
export function decide(policy: Policy, identity: Identity, access: Access, context: DecisionContext): Decision {
  return createDecider(policy, identity, context)(access);
}

/** As `decide`, for many accesses of one identity. @param by some rules of the policy, where others can't concern the access */
export type Decider = (access: Access, by?: Policy) => Decision;

/** What all its decisions depend on is worked out once. */
export function createDecider(policy: Policy, identity: Identity, context: DecisionContext): Decider {
  const { maker, limits } = identity;
  const principal = principalOf(policy.rulesOnGroups.length === 0 ? null : policy.groups, identity, context);
  const boundBy = maker === null ? () => null : createBound(policy, maker, context);
  return (access, by = policy) => {
    const { rule, undecided } = judge(by, identity, asking(principal, access));
    const allowed = allowedBy(rule === null ? [] : [...undecided, rule], access.actions);
    const bound = boundBy(access, by);
    return { access, granted: narrow(within(allowed, bound), access, limits), allowed, rule, undecided, bound };
  };
}

function createBound(policy: Policy, { login, identity, enforced }: Bound, context: DecisionContext) {
  const decideForMaker = createDecider(policy, identity, context);
  return (access: Access, by: Policy) => ({ login, allowed: decideForMaker(access, by).granted, enforced });
}

/** Of what is allowed, the part within the bound. */
export function within(allowed: readonly string[], bound: Decision['bound']): readonly string[] {
  return bound?.enforced === true ? allowed.filter((action) => bound.allowed.includes(action)) : allowed;
}

type Verdict = Pick<Decision, 'rule' | 'undecided'>;

/** Where a rule cannot be decided, no rule below it speaks: it might grant what that one denies. */
function judge(policy: Policy, identity: Identity, subject: Subject): Verdict {
  try {
    const rule = policy.firstMatch(subject);
    return { rule, undecided: undecidedAbove(policy, identity, subject, rule) };
  } catch (error) {
    if (error instanceof TooManyCombinations) return { rule: null, undecided: [] };
    throw error;
  }
}

/** @throws {TooManyCombinations} */
function undecidedAbove(policy: Policy, identity: Identity, subject: Subject, rule: Rule | null): Rule[] {
  const uncertain = mayBeAnywhere(subject) ? policy.rules.filter(isUncertain) : policy.rulesOnGroups;
  if (uncertain.length === 0) return [];
  const widest = widestOf(policy.groups, identity, subject);
  if (widest === null) return [];
  return uncertain.filter(
    (candidate) =>
      candidate.number < (rule?.number ?? Number.POSITIVE_INFINITY) &&
      failingCondition(candidate, widest) === undefined,
  );
}

/** Whether its match depends on groups or on the address. */
function isUncertain({ conditions }: Rule): boolean {
  return conditions.some((condition) => condition.field === 'ip' || looksAtGroups(condition));
}

/** Of the actions that are asked for, those that each of the rules grants; none if there is no rule. */
export function allowedBy(rules: readonly Pick<Rule, 'actions'>[], requested: readonly string[]): readonly string[] {
  const grants = rules.map(({ actions }) => grantedBy(actions, requested));
  const last = grants.at(-1) ?? [];
  return grants.length < 2 ? last : last.filter((action) => grants.every((granted) => granted.includes(action)));
}

/** Of what the policy allows, the part that the credential can use. A `*` that the limits don't name is dropped. */
export function narrow(allowed: readonly string[], access: Access, limits: Limits | null): readonly string[] {
  if (limits === null) return allowed;
  if (limits.repositories !== null && !isWithin(limits.repositories, access)) return [];
  const { actions } = limits;
  return actions === null ? allowed : allowed.filter((action) => actions.includes(action));
}

/** Whether limits to these repositories leave an access. */
export function isWithin(repositories: readonly string[], { type, name }: Pick<Access, 'type' | 'name'>): boolean {
  return type === 'repository' && repositories.some((glob) => limitGlob(glob)(name));
}

const limitGlob = remember((glob) => compileGlob(glob, { doubleStar: true }));
