/** Owns one rule of the ACL: its conditions, and what it grants when all of them hold. */
import { PatternError } from '../pattern/compiled.ts';
import { TooManyCombinations } from './choices.ts';
import {
  type ConditionField,
  conditionFieldOf,
  type MatchField,
  type MatchFieldName,
  matchFieldNames,
  matchFields,
  type Test,
} from './match-fields.ts';
import type { Place } from './reader.ts';
import type { Subject } from './subject.ts';
import { compileTemplate, type Dialect, findCaptures, usesGroups } from './template.ts';

export type Condition = {
  readonly field: ConditionField;
  /** The patterns as they are written; one of them must match. */
  readonly patterns: readonly string[];
  readonly holds: Test;
};

export type Rule = Place & {
  /** Counts from 1. */
  readonly number: number;
  readonly comment: string | null;
  /** As in the file; `['*']` alone grants whatever is asked. */
  readonly actions: readonly string[];
  readonly conditions: readonly Condition[];
  /** Whether values of labels and captures are patterns themselves, as in docker_auth. */
  readonly raw: boolean;
};

/** A condition as it is written. `key` is the name of a label, '' for other fields. */
export type WrittenCondition = {
  readonly name: MatchFieldName;
  readonly key: string;
  readonly patterns: readonly string[];
};

/** Compiles the conditions of one rule. `report` gets each malformed pattern, whose condition is left out. */
export function compileConditions<Written extends WrittenCondition>(
  written: readonly Written[],
  dialect: Dialect,
  report: (condition: Written, pattern: string, message: string) => void,
): Condition[] {
  const patternsOf = (name: MatchFieldName) => written.find((condition) => condition.name === name)?.patterns ?? [];
  const captures = findCaptures((field) => patternsOf(field)[0] ?? '');
  const template = (pattern: string, choices: boolean) => compileTemplate(pattern, dialect, captures, { choices });
  const compileAll = (condition: Written): Test[] => {
    const { compile }: MatchField = matchFields[condition.name];
    return condition.patterns.flatMap((pattern) => {
      try {
        return compile(pattern, template, condition.key);
      } catch (error) {
        if (!(error instanceof PatternError)) throw error;
        report(condition, pattern, error.message);
        return [];
      }
    });
  };
  return inOrderOfTrial(written).flatMap((condition) => {
    const { name, key, patterns } = condition;
    const tests = compileAll(condition);
    return tests.length < patterns.length ? [] : { field: conditionFieldOf(name, key), patterns, holds: anyOf(tests) };
  });
}

/** The order only affects speed. */
function inOrderOfTrial<Written extends WrittenCondition>(written: readonly Written[]): Written[] {
  return written.toSorted((a, b) => matchFieldNames.indexOf(a.name) - matchFieldNames.indexOf(b.name));
}

function anyOf(tests: readonly Test[]): Test {
  const [only] = tests;
  return tests.length === 1 && only ? only : (subject) => tests.some((test) => test(subject));
}

/** Whether groups decide anything about the condition. */
export function looksAtGroups({ field, patterns }: Condition): boolean {
  return field === 'group' || patterns.some(usesGroups);
}

/** Whether a condition is known to fail: one that cannot be decided is not. */
export function fails({ holds }: Condition, subject: Subject): boolean {
  try {
    return !holds(subject);
  } catch (error) {
    if (error instanceof TooManyCombinations) return false;
    throw error;
  }
}

/**
 * The condition that keeps a rule from this subject, or `undefined` when the rule matches.
 * @throws {TooManyCombinations} where one cannot be decided and all others hold
 */
export function failingCondition(
  { conditions }: { readonly conditions: readonly Condition[] },
  subject: Subject,
): Condition | undefined {
  try {
    for (const condition of conditions) if (!condition.holds(subject)) return condition;
    return undefined;
  } catch (error) {
    const failing = error instanceof TooManyCombinations && conditions.find((condition) => fails(condition, subject));
    if (failing) return failing;
    throw error;
  }
}

/**
 * Of the actions that are asked for, those that a rule with these `actions` grants. `["*"]` gives them back as they came; else they
 * come sorted and each once (docker_auth).
 */
export function grantedBy(actions: readonly string[], requested: readonly string[]): readonly string[] {
  if (actions.length === 1 && actions[0] === '*') return requested;
  const allowed = new Set(actions);
  return [...new Set(requested)].filter((action) => allowed.has(action)).sort(compareBytes);
}

/** Go sorts by bytes. For the words that actions are it makes no difference to comparing code units. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
