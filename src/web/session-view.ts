/** Owns how a session in a browser is told: which browser, from where, since when. */
import type { SessionSummary } from '../accounts/people.ts';
import { momentOf } from './time-view.ts';
import { clientName } from './user-agent.ts';

/** @param now epoch milliseconds */
export function sessionView({ signedInAt, expiresAt, address, client }: SessionSummary, now: number) {
  return {
    signedIn: momentOf(signedInAt, now),
    expires: momentOf(expiresAt, now),
    address,
    client: client === null ? null : clientName(client),
    userAgent: client,
  };
}
