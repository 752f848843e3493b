/** Owns the step from what is asked to what is granted: each scope is put to the policy in words that a registry knows. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Identity } from '../identity/identity.ts';
import { createRepeatCache } from '../lib/repeat-cache.ts';
import type { Policy } from '../policy/acl.ts';
import { createDecider, type Decider, type Decision, type DecisionContext } from '../policy/decide.ts';
import { type Access, formatScope, isCatalog, withKnownActions } from '../scope.ts';

export type Grant = {
  /** One for each scope that a registry could mean, in their order. */
  readonly decisions: readonly Decision[];
  /** The `access` of the token: no entry where nothing is granted. */
  readonly access: readonly Access[];
  /** What was asked for, as far as a registry could mean it, and what of it is granted, in the registry's words. */
  readonly asked: readonly string[];
  readonly granted: readonly string[];
  /** Whether something was asked for, and all of it is granted. */
  readonly isWhole: boolean;
  /** Whether the list of repositories was asked for, granted by the policy or not. */
  readonly asksCatalog: boolean;
};

/** Scopes that are decided before others get their turn: a request for a thousand repositories must not hold up a pull. */
const decidedAtOnce = 50;

export type Granting = (
  policy: Policy,
  identity: Identity,
  scopes: readonly Access[],
  context: DecisionContext,
) => Promise<Grant>;

/** With 500, a fleet that asks for nothing twice takes a quarter more: what is kept outlives the young heap. */
const maximumKept = 50;
/** Scopes of a request whose grant is kept: more have a long key, and are rarely asked for again. */
const maximumScopes = 10;

/** Someone who asked: the number stands for them in the keys of what they were granted. */
type Asker = { readonly number: number; readonly decide: Decider };

/**
 * Keeps who asked, and what was granted: a pull asks for the same with each layer, and deciding it is a sixth of the
 * processor time of a request (docs/performance.md). The keys are everything that a decision depends on, so a change of any
 * of it counts immediately.
 */
export function createGranting(): Granting {
  const askers = new LRUCache<string, Asker>({ max: maximumKept });
  const grants = createRepeatCache<Grant>(maximumKept);
  let current: Policy | undefined;
  let count = 0;
  const askerOf = (policy: Policy, identity: Identity, context: DecisionContext): Asker => {
    const key = JSON.stringify([identity, context]);
    const known = askers.get(key);
    if (known !== undefined) return known;
    count += 1;
    const asker = { number: count, decide: createDecider(policy, identity, context) };
    askers.set(key, asker);
    return asker;
  };
  return async (policy, identity, scopes, context) => {
    if (policy !== current) {
      askers.clear();
      grants.clear();
      current = policy;
    }
    const { number, decide } = askerOf(policy, identity, context);
    if (scopes.length > maximumScopes) return decideScopes(decide, scopes);
    const key = `${number} ${JSON.stringify(scopes)}`;
    const before = grants.get(key);
    if (before !== undefined) return before;
    const granted = await decideScopes(decide, scopes);
    if (policy === current) grants.set(key, granted, performance.now());
    return granted;
  };
}

/** Whether a registry could mean all of it. */
function isKnown(access: Access): boolean {
  const { actions } = withKnownActions(access);
  return actions.length > 0 && access.actions.every((action) => action === '*' || actions.includes(action));
}

/** Decides the scopes of a request. Those that no registry could mean are left out, because a scope is never an error. */
async function decideScopes(decide: Decider, scopes: readonly Access[]): Promise<Grant> {
  const known = scopes.map(withKnownActions).filter(({ actions }) => actions.length > 0);
  const decisions: Decision[] = [];
  for (const [index, access] of known.entries()) {
    if (index > 0 && index % decidedAtOnce === 0) await yieldToOthers();
    decisions.push(decide(access));
  }
  const access = decisions
    .filter(({ granted }) => granted.length > 0)
    .map(({ access: asked, granted }) => ({ ...asked, actions: granted }));
  return {
    ...{ decisions, access },
    asked: decisions.map((decision) => formatScope(decision.access)),
    granted: access.map(formatScope),
    asksCatalog: known.some(isCatalog),
    isWhole:
      known.length > 0 &&
      scopes.every(isKnown) &&
      decisions.every((one) => one.granted.length === one.access.actions.length),
  };
}
