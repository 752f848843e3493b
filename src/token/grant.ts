/** Owns the step from what is asked to what is granted: each scope is put to the policy in words that a registry knows. */
import type { Identity } from '../identity/identity.ts';
import { createShortMemory } from '../lib/short-memory.ts';
import type { Policy } from '../policy/acl.ts';
import { type Decision, type DecisionContext, decide } from '../policy/decide.ts';
import { type Access, formatScope, withKnownActions } from '../scope.ts';

export type Grant = {
  /** One a scope, in their order. */
  readonly decisions: readonly Decision[];
  /** The `access` of the token: no entry where nothing is granted. */
  readonly access: readonly Access[];
  /** What was asked for, as far as a registry could mean it, and what of it is granted, in the registry's words. */
  readonly asked: readonly string[];
  readonly granted: readonly string[];
};

/** Decides the scopes of a request by the policy in force. */
export type Granting = (
  policy: Policy,
  identity: Identity,
  scopes: readonly Access[],
  context: DecisionContext,
) => Grant;

/** Who asks again for the same is granted the same, as long as nothing that a decision depends on is another. */
export function createGranting(): Granting {
  type Known = { readonly from: readonly unknown[]; readonly grant: Grant };
  const known = createShortMemory<readonly Access[], Known>();
  return (policy, identity, scopes, context) => {
    const from = [policy, identity, context.service, context.address];
    const before = known.get(scopes);
    if (before?.from.every((value, index) => value === from[index])) return before.grant;
    const grant = grantScopes(policy, identity, scopes, context);
    known.set(scopes, { from, grant });
    return grant;
  };
}

/** Scopes that no registry could mean are left out, because a scope is never an error. */
function grantScopes(policy: Policy, identity: Identity, scopes: readonly Access[], context: DecisionContext): Grant {
  const decisions = scopes
    .map(withKnownActions)
    .filter(({ actions }) => actions.length > 0)
    .map((access) => decide(policy, identity, access, context));
  const access = decisions
    .filter(({ granted }) => granted.length > 0)
    .map(({ access: { type, name }, granted }) => ({ type, name, actions: granted }));
  const asked = decisions.map((decision) => formatScope(decision.access));
  return { decisions, access, asked, granted: access.map(formatScope) };
}
