/** Owns the decision: which rule speaks for an access, and what is granted. */
import type { Identity, Limits } from '../identity/identity.ts';
import { compileGlob } from '../pattern/glob.ts';
import type { Access } from '../scope.ts';
import type { Policy } from './acl.ts';
import { TooManyCombinations } from './choices.ts';
import { grantedBy, type Rule } from './rule.ts';
import { type DecisionContext, type Subject, subjectOf } from './subject.ts';

export type { DecisionContext } from './subject.ts';

export type Decision = {
  /** As it was requested. */
  readonly access: Access;
  /** Never more than was requested. */
  readonly granted: readonly string[];
  /** The first rule that matches, or `null`: nothing speaks for it, or one cannot be decided, so nothing is granted. */
  readonly rule: Rule | null;
};

/** What the policy allows, narrowed by the limits of the credential. */
export function decide(policy: Policy, identity: Identity, access: Access, context: DecisionContext): Decision {
  const subject = subjectOf(policy.groups, identity, access, context);
  const rule = firstMatch(policy, subject);
  const allowed = rule ? grantedBy(rule.actions, access.actions) : [];
  return { access, granted: narrow(allowed, access, identity.limits), rule };
}

/** Where a rule cannot be decided none of those below it may speak: what it denies they might grant. */
function firstMatch(policy: Policy, subject: Subject): Rule | null {
  try {
    return policy.firstMatch(subject);
  } catch (error) {
    if (error instanceof TooManyCombinations) return null;
    throw error;
  }
}

/** Of what the policy allows, the part that the credential may use. A `*` that is not named in the limits goes. */
export function narrow(allowed: readonly string[], access: Access, limits: Limits | null): readonly string[] {
  if (limits === null) return allowed;
  if (limits.repositories !== null && !isWithin(limits.repositories, access)) return [];
  const { actions } = limits;
  return actions === null ? allowed : allowed.filter((action) => actions.includes(action));
}

function isWithin(repositories: readonly string[], { type, name }: Access): boolean {
  return type === 'repository' && repositories.some((glob) => compileGlob(glob, { doubleStar: true })(name));
}
