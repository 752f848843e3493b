/** Owns how a browser session is shown: which browser, from where, since when. */
import type { SessionSummary } from '../accounts/people.ts';
import { formatTime } from './time-view.ts';
import { userAgentName } from './user-agent.ts';

/** `isHere`: the session of the browser that shows the page. */
type SessionView = ReturnType<typeof sessionView> & { readonly isHere?: boolean };

declare module './views.ts' {
  interface ViewData {
    /** `nobody`: what the page says when there are no sessions. `endsOne`: whether each has a button that ends it. */
    'session-list': { sessions: readonly SessionView[]; nobody: string; endsOne?: boolean };
  }
}

/** @param now epoch milliseconds */
export function sessionView({ id, signedInAt, expiresAt, address, client }: SessionSummary, now: number) {
  return {
    id,
    signedIn: formatTime(signedInAt, now),
    expires: formatTime(expiresAt, now),
    address,
    client: client === null ? null : userAgentName(client),
    userAgent: client,
  };
}
