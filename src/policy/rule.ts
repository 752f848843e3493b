/** Owns one rule of the ACL: its conditions, and what it grants when all of them hold. */
import { PatternError } from '../pattern/compiled.ts';
import { isExpression } from '../pattern/expression.ts';
import { contains, parseNetwork } from './address.ts';
import { TooManyCombinations } from './choices.ts';
import type { Place } from './reader.ts';
import type { Subject } from './subject.ts';
import {
  type CaptureField,
  captureFields,
  compileTemplate,
  type Dialect,
  findCaptures,
  type TemplateMatcher,
} from './template.ts';

/** `labels.team` for the pattern of a label. */
export type ConditionField = CaptureField | 'ip' | 'domain' | 'group' | 'kind' | `labels.${string}`;

export type Condition = {
  readonly field: ConditionField;
  /** The patterns as they are written; one of them must match. */
  readonly patterns: readonly string[];
  readonly holds: (subject: Subject) => boolean;
};

export type Rule = Place & {
  /** Counts from 1. */
  readonly number: number;
  readonly comment: string | null;
  /** As in the file; `['*']` alone grants whatever is asked. */
  readonly actions: readonly string[];
  readonly conditions: readonly Condition[];
};

/** The `match` of a rule as it is written. What is absent is no condition. */
export type Match = {
  readonly [Field in CaptureField | 'ip']?: string;
} & {
  readonly labels?: Readonly<Record<string, string>>;
  readonly domain?: readonly string[];
  readonly group?: readonly string[];
  readonly kind?: readonly string[];
};

/** Compiles the conditions of one rule. What is wrong with a pattern is told to `report`, and that condition is left out. */
export function compileMatch(
  match: Match,
  dialect: Dialect,
  report: (field: ConditionField, message: string) => void,
): Condition[] {
  return uncompiled(match, dialect).flatMap(({ field, patterns, compile }) => {
    try {
      const tests = patterns.map(compile);
      const [only] = tests;
      const holds = tests.length === 1 && only ? only : (subject: Subject) => tests.some((test) => test(subject));
      return [{ field, patterns, holds }];
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      report(field, error.message);
      return [];
    }
  });
}

type Test = (subject: Subject) => boolean;
type Uncompiled = {
  readonly field: ConditionField;
  readonly patterns: readonly string[];
  /** @throws {PatternError} */
  readonly compile: (pattern: string) => Test;
};

function uncompiled(match: Match, dialect: Dialect): Uncompiled[] {
  const captures = findCaptures(match);
  const template = (pattern: string, choices: boolean) => compileTemplate(pattern, dialect, captures, { choices });
  const parts: Uncompiled[] = [];
  // What is cheap and keeps most subjects out comes first: the order is nothing but speed.
  if (match.kind)
    parts.push({
      field: 'kind',
      patterns: match.kind,
      compile:
        (name) =>
        ({ kind }) =>
          kind === name,
    });
  if (match.domain) parts.push({ field: 'domain', patterns: match.domain, compile: compileDomain(template) });
  for (const field of captureFields) {
    const pattern = match[field];
    if (pattern !== undefined) parts.push({ field, patterns: [pattern], compile: compileField(field, template) });
  }
  if (match.group) parts.push({ field: 'group', patterns: match.group, compile: compileGroup(template) });
  if (match.ip !== undefined) parts.push({ field: 'ip', patterns: [match.ip], compile: compileNetwork });
  for (const [label, pattern] of Object.entries(match.labels ?? {})) {
    parts.push({ field: `labels.${label}`, patterns: [pattern], compile: compileLabel(label, template) });
  }
  return parts;
}

type CompileTemplate = (pattern: string, choices: boolean) => TemplateMatcher;

function compileField(field: CaptureField, template: CompileTemplate): (pattern: string) => Test {
  return (pattern) => {
    const fits = template(pattern, true);
    return (subject) => fits(subject[field], subject);
  };
}

function compileDomain(template: CompileTemplate): (pattern: string) => Test {
  return (pattern) => {
    const fits = template(foldDomain(pattern), false);
    return (subject) => subject.domain !== null && fits(subject.domain, subject);
  };
}

/** A pattern of domains, which are in lower case. */
export function foldDomain(pattern: string): string {
  return isExpression(pattern) ? pattern : pattern.toLowerCase();
}

function compileGroup(template: CompileTemplate): (pattern: string) => Test {
  return (pattern) => {
    const fits = template(pattern, false);
    return (subject) =>
      subject.groups.some((group) => fits(group, subject)) ||
      (subject.anyGroupOf !== null && mayNameGroupOf(subject.anyGroupOf, pattern));
  };
}

/** Whether some group that begins with `prefix` may match the pattern. In doubt: yes. */
function mayNameGroupOf(prefix: string, pattern: string): boolean {
  // What begins with a slash may be an expression once it's filled in.
  const [literal] = pattern.startsWith('/') ? [''] : (/^[^*?[\\$]*/.exec(pattern) ?? ['']);
  if (literal !== pattern) return literal.startsWith(prefix) || prefix.startsWith(literal);
  return prefix === '' ? pattern.includes(':') : pattern.startsWith(prefix);
}

/** Whether groups decide anything about the condition. */
export function looksAtGroups({ field, patterns }: Condition): boolean {
  return field === 'group' || patterns.some((pattern) => pattern.includes('${group}'));
}

function compileLabel(label: string, template: CompileTemplate): (pattern: string) => Test {
  return (pattern) => {
    const fits = template(pattern, false);
    return (subject) => {
      const values = Object.hasOwn(subject.labels, label) ? (subject.labels[label] ?? []) : [];
      return values.some((value) => fits(value, subject));
    };
  };
}

function compileNetwork(text: string): (subject: Subject) => boolean {
  const network = parseNetwork(text);
  if (!network) throw new PatternError(`"${text}" is neither an address nor a network such as 10.0.0.0/8`);
  return ({ address }) => address !== null && contains(network, address);
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
