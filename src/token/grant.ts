/** Owns the step from what is asked to what is granted: each scope is put to the policy in words that a registry knows. */
import type { Identity } from '../identity/identity.ts';
import type { Policy } from '../policy/acl.ts';
import { type Decision, type DecisionContext, decide } from '../policy/decide.ts';
import { type Access, withKnownActions } from '../scope.ts';

/** One decision a scope, in their order; scopes that no registry could mean are left out, because a scope is never an error. */
export function decideScopes(
  policy: Policy,
  identity: Identity,
  scopes: readonly Access[],
  context: DecisionContext,
): Decision[] {
  return scopes
    .map(withKnownActions)
    .filter((access) => access.actions.length > 0)
    .map((access) => decide(policy, identity, access, context));
}

/** The `access` of the token: no entry where nothing is granted. */
export function grantedAccess(decisions: readonly Decision[]): Access[] {
  return decisions
    .filter(({ granted }) => granted.length > 0)
    .map(({ access, granted }) => ({ type: access.type, name: access.name, actions: granted }));
}
