/** Owns how the groups that someone is in are shown to people. */
import type { Identity } from '../identity/identity.ts';
import { type Groups, groupsOf, type Membership } from './groups.ts';

/** As `groupsOf`; a robot has no provider: its groups come from its own record. */
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
