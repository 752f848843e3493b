/** Owns the comparison of decisions with those of a candidate policy, before it is put in force. */
import type { Identity } from '../identity/identity.ts';
import { formatScope } from '../scope.ts';
import type { Policy } from './acl.ts';
import { type Decision, type DecisionContext, decide } from './decide.ts';

/** A decision that the candidate would change. Rules are named by their line, `null`: none matches. */
export type Difference = {
  readonly account: string;
  readonly scope: string;
  readonly now: Outcome;
  readonly candidate: Outcome;
};
type Outcome = { readonly granted: readonly string[]; readonly line: number | null; readonly comment: string | null };

export function differencesOf(
  candidate: Policy,
  identity: Identity,
  decisions: readonly Decision[],
  context: DecisionContext,
): Difference[] {
  return decisions.flatMap((decision) => {
    const other = decide(candidate, identity, decision.access, context);
    const same = decision.granted.toSorted().join() === other.granted.toSorted().join();
    const scope = formatScope(decision.access);
    return same ? [] : [{ account: identity.account, scope, now: outcomeOf(decision), candidate: outcomeOf(other) }];
  });
}

function outcomeOf({ granted, rule }: Decision): Outcome {
  return { granted, line: rule?.line ?? null, comment: rule?.comment ?? null };
}
