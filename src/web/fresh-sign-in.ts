/** Owns whether someone has signed in recently enough for what is hard to take back, and the page that asks for it. */
import type { RequestHandler } from 'express';
import type { Account } from '../store/accounts.ts';
import { pageOf } from './form-page.ts';
import { homeNear } from './navigation.ts';
import { authenticatedAt, personOf } from './session.ts';
import { beginUrl } from './sign-in-refused.ts';
import type { Views } from './views.ts';

declare module './views.ts' {
  interface ViewData {
    /**
     * `wasSent`: a form was sent, which has done nothing yet. `provider`: what its button says. `isProven`: whether the
     * provider says when it authenticated someone. `home`: where "Not now" leads.
     */
    'fresh-sign-in': {
      minutes: number;
      wasSent: boolean;
      provider: string;
      isProven: boolean;
      href: string;
      home: string;
    };
  }
}

export type FreshnessParts = {
  /** Seconds. */
  readonly freshness: number;
  /** What a provider's button says. */
  readonly labelOf: (provider: string) => string;
  /** Whether the person's provider says when it authenticated someone. */
  readonly isProven: (person: Pick<Account, 'provider' | 'issuer'>) => Promise<boolean>;
  readonly views: Views;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/**
 * Mount behind the guard that only lets people through who are signed in. When the provider authenticated them too
 * long ago, a page says so, with the way to sign in again and come back.
 */
export function requireFreshSignIn({ freshness, labelOf, isProven, views, now }: FreshnessParts): RequestHandler {
  return async (request, response, next) => {
    const age = now() - authenticatedAt(request);
    // A clock that was set back makes no sign-in fresher.
    if (age >= 0 && age <= freshness * 1000) return next();
    const { provider, issuer } = personOf(request);
    const options = { returnTo: pageOf(request, views.prefix), fresh: true };
    views.page(
      response,
      'fresh-sign-in',
      {
        minutes: Math.round(freshness / 60),
        wasSent: request.method === 'POST',
        provider: labelOf(provider),
        isProven: await isProven({ provider, issuer }),
        href: beginUrl(views.prefix, provider, options),
        home: homeNear(request.originalUrl.slice(views.prefix.length)).href,
      },
      403,
    );
  };
}
