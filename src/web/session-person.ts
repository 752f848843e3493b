/** Owns what a session keeps of the person who is signed in, and how it is read for a list of sessions. */
import type { SessionSummary } from '../accounts/people.ts';
import { fieldsIn, textOrNull } from '../lib/json.ts';

/** What Passport keeps of a signed-in person. */
export type SessionPerson = {
  readonly accountId: string;
  /** When the session began: its limits count from here. Epoch milliseconds. */
  readonly signedInAt: number;
  /** When the provider last authenticated the person, which alone is fresh; missing in sessions of older versions. */
  readonly authenticatedAt?: number | null;
  /** Where from, to distinguish one's sessions; sessions from before this was kept have neither. */
  readonly address?: string;
  readonly client?: string;
  /** The provider's session that this one began with, for its back-channel logout. */
  readonly providerSession?: string | null;
};

/** @param data what express-session stores, as JSON; fields that are missing come from an older version */
export function readSessionSummary(data: string): Omit<SessionSummary, 'id' | 'expiresAt'> {
  const { user } = fieldsIn(fieldsIn(JSON.parse(data))['passport']);
  const { signedInAt, address, client } = fieldsIn(user);
  return {
    signedInAt: typeof signedInAt === 'number' ? signedInAt : 0,
    address: textOrNull(address),
    client: textOrNull(client),
  };
}
