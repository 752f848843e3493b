/** Owns the plain words for what someone can do and what was denied to them: the policy's rules as people read them. */
import type { Denial } from '../audit/denials.ts';
import { capitalized } from '../lib/capitalized.ts';
import type { CandidateRule, EffectivePermissions, Reason } from '../policy/effective-permissions.ts';
import type { Membership } from '../policy/groups.ts';
import { matchFieldOf } from '../policy/match-fields.ts';
import { repositoryActions } from '../scope.ts';
import { type FormattedTime, formatTime } from './time-view.ts';

export type CandidateRuleView = {
  readonly number: number;
  readonly line: number;
  readonly comment: string | null;
  readonly tone: 'all' | 'some' | 'none';
  /** "Pull and push" */
  readonly actions: string;
  /** What it is about where no pattern says it: "every repository". */
  readonly what: string | null;
  readonly patterns: readonly string[];
  /** "only from 10.0.0.0/8" */
  readonly conditions: readonly string[];
  /** "in platform (by e-mail)" */
  readonly because: readonly string[];
  /** Whether it applies depends on groups that are unknown. */
  readonly mayApply: boolean;
};

declare module './views.ts' {
  interface ViewData {
    /** `nobody`: what the page says when there are no rules. */
    'rule-list': { candidateRules: readonly CandidateRuleView[]; nobody: string };
    /** `linked`: whether each group leads to the list of people in it. */
    'group-list': {
      groups: readonly Membership[];
      groupsKnown: boolean;
      groupsReported: FormattedTime | null;
      /** Why the provider's last answer left them unknown. */
      groupsProblem: string | null;
      linked?: boolean;
    };
    'denial-table': { rows: readonly DenialView[] };
  }
}

export function candidateRulesOf({ candidateRules }: EffectivePermissions): CandidateRuleView[] {
  return candidateRules.map((candidate, index) => {
    const patterns = patternsOf(candidate, 'name');
    const catalog = patternsOf(candidate, 'type').includes('registry') || patterns.join() === 'catalog';
    return {
      number: candidate.number,
      line: candidate.line,
      comment: candidate.comment,
      tone: toneOf(candidate.actions),
      actions: actionsText(candidate.actions),
      what: catalog ? 'the list of all repositories' : patterns.length > 0 ? null : anything(candidate, index > 0),
      patterns: catalog ? [] : patterns,
      conditions: conditionsOf(candidate),
      mayApply: candidate.mayApply,
      because: candidate.because.length === 0 ? ['everyone'] : candidate.because.map(reasonText),
    };
  });
}

function toneOf(actions: readonly string[]): CandidateRuleView['tone'] {
  if (actions.length === 0) return 'none';
  return isEverything(actions) ? 'all' : 'some';
}

/** Beside others, `*` is but the action that lists all repositories. */
export function isEverything(actions: readonly string[]): boolean {
  return actions.length === 1 && actions[0] === '*';
}

const words: Readonly<Record<string, string>> = { pull: 'pull', push: 'push', delete: 'delete', '*': 'everything' };
const list = new Intl.ListFormat('en-GB', { type: 'conjunction' });
const either = new Intl.ListFormat('en-GB', { type: 'disjunction' });

/** "Pull and push", "Everything", "Nothing". */
export function actionsText(actions: readonly string[]): string {
  if (actions.length === 0) return 'Nothing';
  return capitalized(actionsList(actions));
}

/** Within a sentence: "pull and push", or "push or delete" after a "not"; '' for none. */
export function actionsList(actions: readonly string[], joint: 'and' | 'or' = 'and'): string {
  const wordOf = (action: string) =>
    action === '*' && !isEverything(actions) ? 'list repositories' : (words[action] ?? action);
  const sorted = actions.toSorted((a, b) => repositoryActions.indexOf(a) - repositoryActions.indexOf(b));
  return (joint === 'and' ? list : either).format(sorted.map(wordOf));
}

function anything({ requires }: CandidateRule, isRest: boolean): string {
  const repositories = requires.some(({ field, patterns }) => field === 'type' && patterns.includes('repository'));
  if (repositories) return isRest ? 'every other repository' : 'every repository';
  return isRest ? 'everything else' : 'everything';
}

function patternsOf({ requires }: CandidateRule, field: string): readonly string[] {
  return requires.find((requirement) => requirement.field === field)?.patterns ?? [];
}

function conditionsOf({ requires }: CandidateRule): string[] {
  return requires.flatMap(({ field, patterns }) => {
    const text = patterns.join(' or ');
    const { requirement = () => `only where the ${field} is ${text}` } = matchFieldOf(field);
    return requirement(text) ?? [];
  });
}

function reasonText({ field, patterns, groups }: Reason): string {
  const { reason = (text) => `${field.replace('labels.', 'label ')} is ${text}` } = matchFieldOf(field);
  return reason(patterns.join(' or '), patterns, groups);
}

/**
 * `ask`: a text to send to those who write the policy, and what a request of one's own needs, where none is open.
 * `password`: where the limits are that denied it, from the prefix on.
 */
export type DenialHelp =
  | {
      readonly kind: 'ask';
      readonly id: string;
      readonly text: string;
      readonly service: string;
      readonly isAsked: boolean;
      /** No request can be about a name that no registry accepts. */
      readonly canAsk: boolean;
    }
  | { readonly kind: 'password'; readonly path: string };

export type DenialView = {
  readonly name: string;
  readonly type: string;
  readonly action: string;
  readonly count: number;
  readonly last: FormattedTime;
  readonly address: string;
  /** In words that say what would help. */
  readonly why: string;
  readonly comment: string | null;
  readonly line: number | null;
  /** For the person themselves, where something would help. */
  readonly help?: DenialHelp;
};

/** @param now epoch milliseconds */
export function denialOf(denial: Denial, now: number): DenialView {
  const { name, type, action, count, lastAt, address, rule } = denial;
  const told = denial.by === 'password' ? null : rule;
  return {
    ...{ name, type, action, count, address, why: whyDenied(denial) },
    last: formatTime(lastAt, now),
    comment: told?.comment ?? null,
    line: told?.line ?? null,
  };
}

function whyDenied({ by, password, rule, maker }: Denial): string {
  switch (by) {
    case 'maker':
      return `The robot’s own rules allow it, but ${maker ?? 'someone'} made its password and can’t do this. Another owner can adopt it.`;
    case 'password':
      return `The policy allows it, but the password${password === null ? '' : ` “${password}”`} is narrower.`;
    case 'groups':
      return 'It depends on groups that the provider hasn’t reported recently. Signing in again brings them back.';
    case 'policy':
      return rule === null ? 'No rule grants it.' : 'The rule that matches doesn’t grant it.';
  }
}
