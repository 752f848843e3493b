/** Owns what a test says of a provider: what it has sent before, and how its groups claim is read. */
import type { GroupsClaim } from '../../src/sign-in/group-claim.ts';
import { createSentBefore, type SentBefore } from '../../src/sign-in/sent-before.ts';

/** Remembers as the store does. */
export function createSent(): SentBefore {
  const known = new Set<string>();
  return createSentBefore(
    {
      has: async (issuer, what) => known.has(`${what} ${issuer}`),
      note: async ({ issuer, what }) => void known.add(`${what} ${issuer}`),
    },
    Date.now,
  );
}

/** With the settings that hold where an operator names the claim alone. */
export function groupsClaim(path: string, prefix: string, changes: Partial<GroupsClaim> = {}): GroupsClaim {
  return { path, prefix, format: 'list', separator: null, missing: 'auto', ...changes };
}
