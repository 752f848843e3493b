/** Owns how a provider's Passport strategy is run for one request: its actions become one result. */
import type { Request } from 'express';
import type passport from 'passport';
import type { Attempt, Profile } from '../identity/connector.ts';

/** The strategy either sends the browser to the provider, or knows from its answer who came back. */
export type Outcome = { readonly redirect: string } | { readonly profile: Profile };

type Actions = passport.StrategyCreated<passport.Strategy>;

/**
 * Does for one request what `passport.authenticate` does. The strategy sees the attempt as its session: it keeps one
 * sign-in a session, and with its own part of ours two tabs do not overwrite each other.
 * @param prompt OpenID Connect's `prompt`: `login` asks for an account even where one is signed in
 * @throws whatever the strategy or the provider reports
 */
export function runStrategy(
  strategy: passport.Strategy,
  request: Request,
  attempt: Attempt,
  prompt?: 'login',
): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const actions: Partial<Actions> = {
    success: (profile: object) => resolve({ profile: profile as Profile }),
    redirect: (redirect: string) => resolve({ redirect }),
    error: reject,
    fail: (challenge: unknown) => reject(new Error(`the strategy failed: ${messageOf(challenge)}`)),
    pass: () => reject(new Error('the strategy did not decide')),
  };
  const own: Actions = Object.assign(Object.create(strategy), actions);
  own.authenticate(Object.create(request, { session: { value: attempt } }), prompt === undefined ? {} : { prompt });
  return promise;
}

function messageOf(challenge: unknown): string {
  return String((challenge as { message?: unknown } | undefined)?.message ?? challenge);
}
