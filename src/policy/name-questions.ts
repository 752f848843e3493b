/**
 * Owns what a decision asks of a repository's name. Two names to which all questions have the same answers are decided alike:
 * nothing else of a name reaches `decide`.
 */
import type { Identity } from '../identity/identity.ts';
import type { Policy } from './acl.ts';
import { TooManyCombinations } from './choices.ts';
import { isWithin } from './decide.ts';
import type { Condition, Rule } from './rule.ts';
import { type DecisionContext, type Subject, subjectOf, widestOf } from './subject.ts';

export const anyRepository = { type: 'repository', name: '', actions: [] };

/** What a condition says of a name: 0, it fails; 1, it holds; 2, it can't be decided. */
type Question = (name: string) => number;

/** All that a decision asks of a name. */
export type Questions = {
  readonly ofLimits: readonly Question[];
  readonly ofRule: (rule: Rule) => readonly Question[];
};

export function createQuestions(policy: Policy, people: readonly Identity[], context: DecisionContext): Questions {
  const subjects = people.flatMap((identity) => {
    const subject = subjectOf(policy.groups, identity, anyRepository, context);
    const widest = widestOf(policy.groups, identity, subject);
    return widest === null ? [subject] : [subject, widest];
  });
  const named = subjects.map(withNames);
  return {
    ofLimits: people.flatMap(({ limits }) => (limits?.repositories ? [insideOf(limits.repositories)] : [])),
    ofRule: ({ conditions }) =>
      conditions.filter(waitsForName).flatMap((condition) => {
        // Without variables a pattern says the same of a name to everyone who asks.
        const asking = condition.patterns.some((pattern) => pattern.includes('${')) ? named : named.slice(0, 1);
        return asking.map((subjectOfName) => (name: string) => outcomeOf(condition, subjectOfName(name)));
      }),
  };
}

/** One object for all names: one each would take longer than a condition. */
function withNames(subject: Subject): (name: string) => Subject {
  const named: Omit<Subject, 'name'> & { name: string } = { ...subject };
  return (name) => {
    named.name = name;
    return named;
  };
}

function insideOf(repositories: readonly string[]): Question {
  return (name) => (isWithin(repositories, { ...anyRepository, name }) ? 1 : 0);
}

/** As many answers of three kinds as a number can tell apart. */
const maximumQuestions = 33;

/** The answers as one number; `null` where they are too many for that. */
export function together(questions: readonly Question[]): ((name: string) => number) | null {
  if (questions.length > maximumQuestions) return null;
  return (name) => {
    let outcomes = 0;
    for (const question of questions) outcomes = outcomes * 3 + question(name);
    return outcomes;
  };
}

/** 0: the condition fails; 1: it holds; 2: that can't be decided. */
export function outcomeOf({ holds }: Condition, subject: Subject): 0 | 1 | 2 {
  try {
    return holds(subject) ? 1 : 0;
  } catch (error) {
    if (error instanceof TooManyCombinations) return 2;
    throw error;
  }
}

/** Whether the condition can only be judged once there is a name: captures of the name are `${name:1}`. */
export function waitsForName({ field, patterns }: Condition): boolean {
  return field === 'name' || patterns.some((pattern) => /\$\{name[:}]/i.test(pattern));
}
