/** Owns how a session in a browser is told: which browser, from where, since when. */
import type { SessionSummary } from '../accounts/people.ts';
import { formatTime } from './time-view.ts';
import { userAgentName } from './user-agent.ts';

/** @param now epoch milliseconds */
export function sessionView({ signedInAt, expiresAt, address, client }: SessionSummary, now: number) {
  return {
    signedIn: formatTime(signedInAt, now),
    expires: formatTime(expiresAt, now),
    address,
    client: client === null ? null : userAgentName(client),
    userAgent: client,
  };
}
