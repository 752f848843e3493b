/** Owns what people are told of the groups that somebody is in. */
import type { Identity } from '../identity/identity.ts';
import { type Groups, groupsOf, type Membership } from './groups.ts';

/** As `groupsOf`; no provider speaks of a robot: the groups that it brings stand in its own record. */
export function membershipsOf(groups: Groups, identity: Identity): Membership[] {
  const memberships = groupsOf(groups, identity);
  const source = ownSources[identity.kind];
  if (source === undefined) return memberships;
  const own = new Set(identity.groups);
  return memberships.map(({ name, origin }) => ({ name, origin: own.has(name) ? source : origin }));
}

/** Where the groups of those come from whom no provider vouches for. */
const ownSources: Partial<Record<Identity['kind'], string>> = {
  robot: "from the robot's record",
  ci: 'from the workloads file',
};
