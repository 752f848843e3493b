/** Owns what someone can do with repositories of which only a pattern is known. */
import type { Identity } from '../identity/identity.ts';
import { examplesOf } from '../pattern/name-examples.ts';
import type { Policy } from './acl.ts';
import { effectivePermissionsOf } from './effective-permissions.ts';
import { createRightsOf, fromAnyAddress, looksAtAddresses, peopleBehind, type RightsOf } from './repository-rights.ts';
import type { DecisionContext } from './subject.ts';

export type Reach = {
  /** As the bits of `rights`: what some repository with such a name can be used for, from here. */
  readonly bits: number;
  /** The same from some address or other: never less. */
  readonly anywhere: number;
  /** Whether every kind of name was tried. Otherwise there can be names with more. */
  readonly isComplete: boolean;
};

/**
 * The policy decides about one name of each kind that the rules' patterns tell apart, so that nothing `anywhere` is certain
 * where `isComplete` is.
 * @returns asked with globs of the identity's limits, or any other
 */
export function createReachOf(policy: Policy, identity: Identity, context: DecisionContext): (glob: string) => Reach {
  const here = createRightsOf(policy, identity, context);
  const anywhere = looksAtAddresses(policy) ? createRightsOf(fromAnyAddress(policy), identity, context) : here;
  const patterns = peopleBehind(identity).flatMap((one) => namePatternsOf(policy, one));
  return (glob) => {
    const { names, isComplete } = examplesOf(glob, patterns);
    const union = (rightsOf: RightsOf) => names.reduce((bits, name) => bits | rightsOf(name), 0);
    const bits = union(here);
    return { bits, anywhere: bits | union(anywhere), isComplete };
  };
}

function namePatternsOf(policy: Policy, identity: Identity): string[] {
  return effectivePermissionsOf(policy, identity)
    .candidateRules.flatMap(({ requires }) => requires)
    .filter(({ field }) => field === 'name')
    .flatMap(({ patterns }) => patterns);
}
