/** Owns the question whether somebody has signed in recently enough for what is hard to take back, and the page that asks for it. */
import type { RequestHandler } from 'express';
import { personOf, signedInAt } from './session.ts';
import { beginUrl } from './sign-in-refused.ts';
import type { Views } from './views.ts';

declare module './views.ts' {
  interface ViewData {
    /** `wasSent`: a form was sent, which has done nothing yet. `provider`: what its button says. */
    'fresh-sign-in': { minutes: number; wasSent: boolean; provider: string; href: string };
  }
}

export type FreshnessParts = {
  /** Seconds. */
  readonly freshness: number;
  /** What a provider's button says. */
  readonly labelOf: (provider: string) => string;
  readonly views: Views;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/**
 * To be mounted behind the guard that lets nobody through who is not signed in. Whoever signed in too long ago is told
 * why that does not do here, and how to sign in again and come back.
 * @param pageOf where to come back to, for what is sent to an address that is no page itself; given its path and query
 */
export function requireFreshSignIn(
  { freshness, labelOf, views, now }: FreshnessParts,
  pageOf: (address: string) => string = (address) => address,
): RequestHandler {
  return (request, response, next) => {
    const age = now() - signedInAt(request);
    // A clock that was set back makes no sign-in fresher.
    if (age >= 0 && age <= freshness * 1000) return next();
    const { provider } = personOf(request);
    const options = { returnTo: pageOf(request.originalUrl), another: true };
    views.page(
      response,
      'fresh-sign-in',
      {
        minutes: Math.round(freshness / 60),
        wasSent: request.method === 'POST',
        provider: labelOf(provider),
        href: beginUrl(views.prefix, provider, options),
      },
      403,
    );
  };
}
