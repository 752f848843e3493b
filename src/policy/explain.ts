/** Owns the explanation of a decision: every step from who asks to what is granted, for people and as data. */
import type { Bound, Identity, Limits } from '../identity/identity.ts';
import { type Access, formatScope } from '../scope.ts';
import type { Policy } from './acl.ts';
import { TooManyCombinations } from './choices.ts';
import { allowedBy, type Decision, narrow, within } from './decide.ts';
import type { Membership } from './groups.ts';
import { type ConditionField, matchFieldOf } from './match-fields.ts';
import { membershipsOf } from './memberships.ts';
import { type Condition, failingCondition, fails, type Rule } from './rule.ts';
import { type DecisionContext, type Subject, subjectOf, widestOf } from './subject.ts';

/** A condition that doesn't hold, and what it was compared with. */
export type Mismatch = {
  readonly field: ConditionField;
  readonly patterns: readonly string[];
  /** Empty: there is nothing to compare with, for example no verified domain. */
  readonly actual: readonly string[];
};

export type ExplainedRule = {
  readonly number: number;
  readonly line: number;
  readonly comment: string | null;
  readonly actions: readonly string[];
  /** Empty for the rule that decides. */
  readonly mismatches: readonly Mismatch[];
  /** Its mismatches depend on groups that are unknown: nothing is allowed that it doesn't allow. */
  readonly mayMatch: boolean;
  /** Why it's unknown whether it matches: then it ends the search, and nothing is granted. */
  readonly undecidable: string | null;
};

export type Explanation = {
  readonly who: { readonly account: string; readonly kind: string; readonly domain: string | null };
  readonly groups: readonly Membership[];
  /** Not `null` where the provider's groups are unknown: when they were last reported, epoch milliseconds, or `null` for never. */
  readonly groupsUnknown: { readonly toldAt: number | null; readonly undecided: readonly string[] } | null;
  readonly access: Access;
  readonly context: DecisionContext;
  /** The rules in their order, up to the one that decides; all of them where none does. */
  readonly passedOver: readonly ExplainedRule[];
  readonly decidedBy: ExplainedRule | null;
  /** By the policy, before the maker and the limits of a password narrow it. */
  readonly allowed: readonly string[];
  /** What the maker of a robot's password can do, and by which rule. */
  readonly boundBy: (NonNullable<Decision['bound']> & { readonly decidedBy: ExplainedRule | null }) | null;
  readonly narrowedBy: { readonly password: string; readonly limits: Limits } | null;
  readonly granted: readonly string[];
};

/** The same decision as `decide`, with every step of it. */
export function explain(policy: Policy, identity: Identity, access: Access, context: DecisionContext): Explanation {
  const subject = subjectOf(policy.groups, identity, access, context);
  const widest = widestOf(policy.groups, identity, subject);
  const rules = policy.rules.map((rule) => explainRule(rule, subject, widest));
  const decider = rules.findIndex(({ mismatches }) => mismatches.length === 0);
  const decidedBy = rules[decider] ?? null;
  const passedOver = decidedBy ? rules.slice(0, decider) : rules;
  const deciding = decidedBy ? [...passedOver.filter(({ mayMatch }) => mayMatch), decidedBy] : [];
  const isDecidable = deciding.every(({ undecidable }) => undecidable === null);
  const allowed = allowedBy(isDecidable ? deciding : [], access.actions);
  const { account, kind, domain, limits, credential, maker } = identity;
  const boundBy = maker && explainBound(policy, maker, access, context);
  return {
    who: { account, kind, domain },
    groups: membershipsOf(policy.groups, identity),
    groupsUnknown: unknownGroupsOf(identity),
    access,
    context,
    passedOver,
    decidedBy,
    allowed,
    boundBy,
    narrowedBy: limits && { password: credential?.name ?? '', limits },
    granted: narrow(within(allowed, boundBy), access, limits),
  };
}

function explainBound(policy: Policy, { login, identity, enforced }: Bound, access: Access, context: DecisionContext) {
  const { granted, decidedBy } = explain(policy, identity, access, context);
  return { login, allowed: granted, enforced, decidedBy };
}

function unknownGroupsOf(identity: Identity): Explanation['groupsUnknown'] {
  const { groupsKnown, undecidedGroups: undecided, groupsAt: toldAt } = identity;
  return groupsKnown && undecided.length === 0 ? null : { toldAt, undecided };
}

function explainRule(rule: Rule, subject: Subject, widest: Subject | null): ExplainedRule {
  const { number, line, comment, actions } = rule;
  const mismatches = rule.conditions
    .filter((condition) => fails(condition, subject))
    .map((condition) => mismatchOf(condition, subject));
  const mayMatch =
    widest !== null && mismatches.length > 0 && !rule.conditions.some((condition) => fails(condition, widest));
  const decisive = mismatches.length === 0 ? subject : mayMatch ? widest : null;
  const undecidable = decisive && whyUndecidable(rule, decisive);
  return { number, line, comment, actions, mismatches, mayMatch, undecidable };
}

function whyUndecidable(rule: Rule, subject: Subject): string | null {
  try {
    failingCondition(rule, subject);
    return null;
  } catch (error) {
    if (error instanceof TooManyCombinations) return error.message;
    throw error;
  }
}

function mismatchOf({ field, patterns }: Condition, subject: Subject): Mismatch {
  const { valuesOf, key } = matchFieldOf(field);
  return { field, patterns, actual: valuesOf(subject, key) };
}

/** @param fileName what the policy file is called, for `policy.yml:12` */
export function formatExplanation(explanation: Explanation, fileName: string): string {
  const { who, groups, access, context, passedOver, decidedBy, allowed, boundBy, narrowedBy, granted } = explanation;
  const refused = access.actions.filter((action) => !granted.includes(action));
  const lines = [
    `${who.account || 'anonymous'} (${who.kind}${who.domain === null ? '' : `, domain ${who.domain}`}) asks for ${formatScope(access)}`,
    `  at ${context.service === '' ? 'no registry in particular' : `service "${context.service}"`}, from ${context.address || 'an unknown address'}`,
    `groups: ${listOr(
      'none',
      groups.map(({ name, origin }) => `${name} (${origin})`),
    )}`,
    ...(explanation.groupsUnknown ? [formatUnknown(explanation.groupsUnknown)] : []),
    ...passedOver.map((rule) => `${placeOf(rule, fileName)} ${formatPassedOver(rule)}`),
    ...(decidedBy
      ? [`${placeOf(decidedBy, fileName)} ${formatDecision(decidedBy)}`]
      : ['no rule matches, so nothing is allowed']),
    `allowed by the policy: ${listOr('nothing', allowed)}`,
    ...(boundBy ? formatBound(boundBy, allowed, fileName) : []),
    ...(narrowedBy ? [formatNarrowing(narrowedBy)] : []),
    `granted: ${listOr('nothing', granted)}`,
    ...(refused.length > 0 ? [`refused: ${refused.join(', ')}`] : []),
  ];
  return lines.join('\n');
}

function formatPassedOver({ mismatches, mayMatch, actions, undecidable }: ExplainedRule): string {
  if (!mayMatch) return `passed over: ${mismatches.map(formatMismatch).join('; ')}`;
  if (undecidable !== null) return `can't be decided, so nothing is allowed: ${undecidable}`;
  return `might match, as the provider's groups are unknown, so at most ${atMost(actions)} is allowed`;
}

function atMost(actions: readonly string[]): string {
  return actions.join() === '*' ? 'whatever is asked' : listOr('nothing', actions);
}

function formatDecision({ comment, undecidable }: ExplainedRule): string {
  if (undecidable !== null) return `cannot be decided, so nothing is allowed: ${undecidable}`;
  return `decides${comment === null ? '' : `: "${comment}"`}`;
}

function formatUnknown({ toldAt, undecided }: NonNullable<Explanation['groupsUnknown']>): string {
  if (undecided.length > 0) {
    return `  the provider doesn't say whether the groups include ${undecided.join(', ')}. Only what either answer allows is granted.`;
  }
  const why =
    toldAt === null
      ? 'the provider has never reported them'
      : `the provider last reported them at ${new Date(toldAt).toISOString()}, which is too long ago to count`;
  return `  the provider's groups are unknown: ${why}. Only what every possible answer allows is granted.`;
}

function placeOf({ number, line }: ExplainedRule, fileName: string): string {
  return `rule ${number} (${fileName}:${line})`;
}

/** `domain "example.com" does not match "example.org"` */
export function formatMismatch({ field, patterns, actual }: Mismatch): string {
  const expected = patterns.map((pattern) => `"${pattern}"`).join(' or ');
  const found = actual.map((value) => `"${value}"`).join(', ');
  const { mismatch } = matchFieldOf(field);
  if (mismatch) return mismatch(expected, actual);
  if (actual.length === 0) return `${field} ${expected}: there is none`;
  return `${field} ${expected} does not match ${found}`;
}

function formatBound(
  { login, allowed: able, enforced, decidedBy }: NonNullable<Explanation['boundBy']>,
  allowed: readonly string[],
  fileName: string,
): string[] {
  const missing = allowed.filter((action) => !able.includes(action));
  if (missing.length === 0) return [`its maker ${login} can do that too`];
  const why = decidedBy === null ? 'no rule matches' : `${placeOf(decidedBy, fileName)} decides`;
  const what = enforced ? 'another owner can adopt the password' : 'ROBOT_BOUND=enforce will deny it';
  return [`its maker ${login} can't ${missing.join(', ')} (${why}): ${what}`];
}

function formatNarrowing({ password, limits }: NonNullable<Explanation['narrowedBy']>): string {
  if (password === '') return 'users: has no "", so anyone who sends no credentials gets nothing';
  const actions = limits.actions === null ? 'any action' : `only ${listOr('nothing', limits.actions)}`;
  const where = limits.repositories === null ? 'everywhere' : `on ${listOr('nothing', limits.repositories)}`;
  return `narrowed by the password "${password}": ${actions} ${where}`;
}

function listOr(empty: string, items: readonly string[]): string {
  return items.length === 0 ? empty : items.join(', ');
}
