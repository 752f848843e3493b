/** Owns the sign-ins that were begun in a browser and wait for the provider's answer, several at once for several tabs. */
import { randomBytes } from 'node:crypto';
import type { Request } from 'express';
import type { Attempt } from '../sign-in/connector.ts';
import { visitorLifetime } from './session-store.ts';

export type PendingSignIn = {
  readonly provider: string;
  /** Already checked by `safeReturnTo`. */
  readonly returnTo: string;
  /** Epoch milliseconds. */
  readonly begunAt: number;
  readonly attempt: Attempt;
  /** The provider was asked for its consent page. */
  readonly consent?: boolean;
};

declare module 'express-session' {
  interface SessionData {
    pending?: PendingSignIn[];
  }
}

/** The oldest is forgotten when a browser begins more. */
const maximumPending = 5;

export function createAttempt(): Attempt {
  return { state: randomText(), nonce: randomText() };
}

/** Keeps a begun sign-in in the browser's session. */
export function rememberAttempt(request: Request, begun: PendingSignIn): void {
  request.session.pending = [...(request.session.pending ?? []), begun].slice(-maximumPending);
}

/**
 * Stores what was begun, before the browser is sent away: express-session would store it with the answer, and answer as
 * well where that fails, so that the person comes back to a sign-in that nobody knows of.
 */
export function saveAttempts(request: Request): Promise<void> {
  return new Promise((resolve, reject) => request.session.save((error) => (error ? reject(error) : resolve())));
}

/** Takes the sign-in that an answer belongs to out of the session: each is good for one answer. */
export function takeAttempt(
  request: Request,
  answer: { provider: string; state: unknown; now: number },
): PendingSignIn | null {
  const pending = request.session.pending ?? [];
  const found = pending.find(({ provider, attempt }) => provider === answer.provider && attempt.state === answer.state);
  if (found === undefined) return null;
  request.session.pending = pending.filter((other) => other !== found);
  return found.begunAt + visitorLifetime > answer.now ? found : null;
}

/** Those of other tabs, for the new session that a sign-in starts. */
export function waitingAttempts(request: Request): readonly PendingSignIn[] {
  return request.session.pending ?? [];
}

function randomText(): string {
  return randomBytes(24).toString('base64url');
}
