/** Owns what someone can do at each of many repositories: decisions by a policy without the rules that can't concern them. */
import type { Identity } from '../identity/identity.ts';
import type { Policy } from './acl.ts';
import { TooManyCombinations } from './choices.ts';
import { createDecider } from './decide.ts';
import { anyRepository, createQuestions, outcomeOf, type Questions, together, waitsForName } from './name-questions.ts';
import { type Condition, fails, looksAtGroups, type Rule } from './rule.ts';
import { createFirstMatch, createRuleIndex, firstPart } from './rule-index.ts';
import { type DecisionContext, type Subject, subjectOf, widestOf } from './subject.ts';

/** What can be done at a repository, as bits. */
export const rights = { pull: 1, push: 2, delete: 4 } as const;

const actions = ['pull', 'push', 'delete'] as const;

/** The bits of what is granted at the repository of this name. */
export type RightsOf = (name: string) => number;

/**
 * Each answer is what `decide` grants for pull, push and delete. What doesn't depend on the name is worked out once, and of a
 * name only what conditions say of it counts: names of which all say the same are decided once. So asking for a hundred
 * thousand names doesn't try each rule about other people a hundred thousand times.
 */
export function createRightsOf(policy: Policy, identity: Identity, context: DecisionContext): RightsOf {
  const people = peopleBehind(identity);
  const reduced = reducedTo(policy, people, context);
  const spaceOf = bySpace(reduced, createQuestions(reduced, people, context));
  const decide = createDecider(policy, identity, context);
  const decideFor: RightsOf = (name) => {
    const { granted } = decide({ type: 'repository', name, actions }, spaceOf(name).policy);
    let bits = 0;
    for (const action of actions) if (granted.includes(action)) bits |= rights[action];
    return bits;
  };
  const oneByOne = dependsOnRuleAlone(policy, identity, context)
    ? byRule(reduced, identity, context, decideFor)
    : decideFor;
  return (name) => {
    const { outcomesOf, kept } = spaceOf(name);
    if (outcomesOf === null) return oneByOne(name);
    const outcomes = outcomesOf(name);
    const bits = kept.get(outcomes) ?? decideFor(name);
    kept.set(outcomes, bits);
    return bits;
  };
}

/** Where nothing narrows what the rule grants, and no other rule might have come first. */
function dependsOnRuleAlone({ groups }: Policy, identity: Identity, context: DecisionContext): boolean {
  if (identity.maker !== null || identity.limits !== null) return false;
  return widestOf(groups, identity, subjectOf(groups, identity, anyRepository, context)) === null;
}

/** Decides once for each rule, and finds the rule for each name: that is a third of the time. */
function byRule(policy: Policy, identity: Identity, context: DecisionContext, decideFor: RightsOf): RightsOf {
  const kept = new Map<Rule | null, number>();
  const subject = subjectOf(policy.groups, identity, anyRepository, context);
  return (name) => {
    let rule: Rule | null;
    try {
      rule = policy.firstMatch({ ...subject, name });
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

/** Grants what the policy grants from some address at least: a rule by address holds where it grants, and doesn't where it denies. */
export function fromAnyAddress(policy: Policy): Policy {
  const rules = policy.rules.flatMap((rule) => {
    const conditions = rule.conditions.filter(({ field }) => field !== 'ip');
    if (conditions.length === rule.conditions.length) return rule;
    return rule.actions.length === 0 ? [] : { ...rule, conditions };
  });
  return withRules(policy, rules);
}

/** Everyone whose permissions a decision asks for: the identity, and who made its password. */
export function peopleBehind(identity: Identity): Identity[] {
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
  return withRules(policy, rules);
}

function withRules(policy: Policy, rules: readonly Rule[]): Policy {
  const rulesOnGroups = rules.filter(({ conditions }) => conditions.some(looksAtGroups));
  return { ...policy, rules, rulesOnGroups, firstMatch: createFirstMatch(rules) };
}

/** What counts for the names of one space: those that begin alike, up to the first slash. */
type Space = {
  readonly name: string;
  readonly policy: Policy;
  /** What the conditions say of a name, as one number; `null` where they are too many for that. */
  readonly outcomesOf: ((name: string) => number) | null;
  /** What was decided, by outcomes. */
  readonly kept: Map<number, number>;
};

/**
 * Most rules name a space, so those of other spaces are left out: `decide` tries every rule on groups of someone whose groups
 * are unknown. Names come in their order, so the last answer mostly fits the next one.
 */
function bySpace(policy: Policy, questions: Questions): (name: string) => Space {
  const rules = inAndOutOfSpaces(policy.rules);
  const onGroups = inAndOutOfSpaces(policy.rulesOnGroups);
  const everywhere = [...questions.ofLimits, ...rules.everywhere.flatMap(questions.ofRule)];
  const open = (name: string): Space => {
    const found = new Set([...onGroups.everywhere, ...(onGroups.of.get(name) ?? [])]);
    const rulesOnGroups = [...found].sort((a, b) => a.number - b.number);
    const asked = [...everywhere, ...(rules.of.get(name) ?? []).flatMap(questions.ofRule)];
    return { name, policy: { ...policy, rulesOnGroups }, outcomesOf: together(asked), kept: new Map() };
  };
  const elsewhere = open('');
  let last = elsewhere;
  let beginning = '/';
  return (name) => {
    if (name.startsWith(beginning)) return last;
    const space = firstPart(name);
    if (last.name === space) return last;
    if (!rules.of.has(space)) return elsewhere;
    last = open(space);
    beginning = `${space}/`;
    return last;
  };
}

function inAndOutOfSpaces(rules: readonly Rule[]) {
  const { byWord, others } = createRuleIndex(rules);
  const { name: of, ...more } = byWord;
  const everywhere = [...others, ...Object.values(more).flatMap((rulesOf) => [...rulesOf.values()].flat())];
  return { of, everywhere: [...new Set(everywhere)] };
}

function decided({ conditions }: Rule): readonly Condition[] {
  return conditions.filter((condition) => !waitsForName(condition));
}

/** Conditions that hold for everyone it's about need no second look; a group that would only perhaps hold does. */
function withoutDecided(rule: Rule, subjects: readonly Subject[]): Rule {
  const holds = (condition: Condition) => subjects.every((subject) => surelyHolds(condition, subject));
  return { ...rule, conditions: rule.conditions.filter((one) => waitsForName(one) || !holds(one)) };
}

function surelyHolds(condition: Condition, subject: Subject): boolean {
  return outcomeOf(condition, subject) === 1;
}
