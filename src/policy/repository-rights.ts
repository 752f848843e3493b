/** Owns what someone can do at each of many repositories: decisions by a policy without the rules that can't concern them. */
import type { Identity } from '../identity/identity.ts';
import type { Policy } from './acl.ts';
import { TooManyCombinations } from './choices.ts';
import { decide } from './decide.ts';
import { type Condition, fails, looksAtGroups, type Rule } from './rule.ts';
import { createFirstMatch, createRuleIndex, firstPart } from './rule-index.ts';
import { type DecisionContext, type Subject, subjectOf, widestOf } from './subject.ts';

/** What can be done at a repository, as bits. */
export const rights = { pull: 1, push: 2, delete: 4 } as const;

const actions = ['pull', 'push', 'delete'] as const;

const anyRepository = { type: 'repository', name: '', actions: [] };

/** The bits of what is granted at the repository of this name. */
export type RightsOf = (name: string) => number;

/**
 * Each answer is what `decide` grants for pull, push and delete. What doesn't depend on the name is worked out once, so that
 * asking for a hundred thousand names doesn't try each rule about other people a hundred thousand times.
 */
export function createRightsOf(policy: Policy, identity: Identity, context: DecisionContext): RightsOf {
  const reduced = reducedTo(policy, peopleBehind(identity), context);
  const policyFor = bySpace(reduced);
  const decideFor: RightsOf = (name) => {
    const { granted } = decide(policyFor(name), identity, { type: 'repository', name, actions }, context);
    let bits = 0;
    for (const action of actions) if (granted.includes(action)) bits |= rights[action];
    return bits;
  };
  return dependsOnRuleAlone(policy, identity, context) ? byRule(reduced, identity, context, decideFor) : decideFor;
}

/** Where nothing narrows what the rule grants, and no other rule might have come first. */
function dependsOnRuleAlone({ groups }: Policy, identity: Identity, context: DecisionContext): boolean {
  if (identity.maker !== null || identity.limits !== null) return false;
  return widestOf(groups, identity, subjectOf(groups, identity, anyRepository, context)) === null;
}

/** Decides once for each rule, and finds the rule for each name: that is a third of the time. */
function byRule(policy: Policy, identity: Identity, context: DecisionContext, decideFor: RightsOf): RightsOf {
  const kept = new Map<Rule | null, number>();
  const { groups, address, ...subject } = subjectOf(policy.groups, identity, anyRepository, context);
  return (name) => {
    let rule: Rule | null;
    try {
      rule = policy.firstMatch({ ...subject, groups, address, name });
    } catch (error) {
      if (error instanceof TooManyCombinations) return decideFor(name);
      throw error;
    }
    const bits = kept.get(rule) ?? decideFor(name);
    kept.set(rule, bits);
    return bits;
  };
}

/** Whether decisions can depend on where a request comes from. */
export function looksAtAddresses({ rules }: Policy): boolean {
  return rules.some(({ conditions }) => conditions.some(({ field }) => field === 'ip'));
}

/** Everyone whose permissions a decision asks for: the identity, and who made its password. */
function peopleBehind(identity: Identity): Identity[] {
  return identity.maker === null ? [identity] : [identity, ...peopleBehind(identity.maker.identity)];
}

function reducedTo(policy: Policy, people: readonly Identity[], context: DecisionContext): Policy {
  const subjects = people.map((identity) => subjectOf(policy.groups, identity, anyRepository, context));
  const widest = people.map((identity, index) => {
    const subject = subjects[index];
    return (subject && widestOf(policy.groups, identity, subject)) ?? subject;
  });
  const everyone = widest.filter((subject) => subject !== undefined);
  const rules = policy.rules
    .filter((rule) => everyone.some((subject) => !decided(rule).some((condition) => fails(condition, subject))))
    .map((rule) => withoutDecided(rule, subjects));
  const rulesOnGroups = rules.filter(({ conditions }) => conditions.some(looksAtGroups));
  return { ...policy, rules, rulesOnGroups, firstMatch: createFirstMatch(rules) };
}

/**
 * `decide` tries every rule on groups of someone whose groups are unknown. Most rules name a space, so those of other spaces
 * are left out; names come in their order, so the last answer mostly fits the next one.
 */
function bySpace(policy: Policy): (name: string) => Policy {
  const { byWord, others } = createRuleIndex(policy.rulesOnGroups);
  const { name: ofSpace, ...more } = byWord;
  const always = [...others, ...Object.values(more).flatMap((rulesOf) => [...rulesOf.values()].flat())];
  const narrowedTo = (space: string): Policy => {
    const found = new Set([...always, ...(ofSpace.get(space) ?? [])]);
    return { ...policy, rulesOnGroups: [...found].sort((a, b) => a.number - b.number) };
  };
  if (ofSpace.size === 0) return () => policy;
  let last: { readonly space: string; readonly policy: Policy } | null = null;
  return (name) => {
    const space = firstPart(name);
    if (last?.space !== space) last = { space, policy: narrowedTo(space) };
    return last.policy;
  };
}

function decided({ conditions }: Rule): readonly Condition[] {
  return conditions.filter((condition) => !waitsForName(condition));
}

/** Conditions that hold for everyone it's about need no second look; a group that would only perhaps hold does. */
function withoutDecided(rule: Rule, subjects: readonly Subject[]): Rule {
  const holds = (condition: Condition) => subjects.every((subject) => surelyHolds(condition, subject));
  return { ...rule, conditions: rule.conditions.filter((one) => waitsForName(one) || !holds(one)) };
}

function surelyHolds({ holds }: Condition, subject: Subject): boolean {
  try {
    return holds(subject);
  } catch (error) {
    if (error instanceof TooManyCombinations) return false;
    throw error;
  }
}

/** Whether the condition can only be judged once there is a name: captures of the name are `${name:1}`. */
function waitsForName({ field, patterns }: Condition): boolean {
  return field === 'name' || patterns.some((pattern) => /\$\{name[:}]/i.test(pattern));
}
