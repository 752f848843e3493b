/** Owns the question whether somebody has signed in recently enough for what cannot be taken back. */
import type { Request, RequestHandler } from 'express';
import { Refusal } from '../errors.ts';
import { beginUrl } from './refused.ts';
import { personOf } from './session.ts';

/**
 * To be mounted behind the guard that lets nobody through who is not signed in. A page sends whoever signed in too long
 * ago to their provider and back; anything else is refused, because what was sent would be lost on that way.
 * @param parts.freshness seconds  @param parts.now epoch milliseconds
 */
export function requireFreshSignIn(parts: {
  readonly freshness: number;
  readonly prefix: string;
  readonly now: () => number;
}): RequestHandler {
  return (request, response, next) => {
    const age = parts.now() - signedInAt(request);
    if (age >= 0 && age <= parts.freshness * 1000) return next();
    if (request.method === 'GET' || request.method === 'HEAD') {
      const options = { returnTo: request.originalUrl, another: true };
      response.redirect(303, beginUrl(parts.prefix, personOf(request).provider, options));
      return;
    }
    next(
      new Refusal(
        'denied',
        `Your sign-in is older than ${Math.round(parts.freshness / 60)} minutes, which this asks for. Open the page again: it sends you to sign in, then repeat this.`,
      ),
    );
  };
}

function signedInAt(request: Request): number {
  return request.session.passport?.user?.signedInAt ?? 0;
}
