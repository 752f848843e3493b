/** Owns how a session in a browser is told: which browser, from where, since when. */
import type { SessionSummary } from '../administration/people.ts';
import { clientName } from './client-name.ts';
import { momentOf } from './moment.ts';

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
