/** Owns how a provider's Passport strategy is run for one request: its actions become one result. */

import type { Request } from 'express';
import type passport from 'passport';
import { fieldsIn } from '../lib/json.ts';
import type { Attempt, Profile, SignInRequest } from '../sign-in/connector.ts';

/** The strategy either sends the browser to the provider, or knows from its answer who came back. */
export type Outcome = { readonly redirect: string } | { readonly profile: Profile };

type Actions = passport.StrategyCreated<passport.Strategy>;

/**
 * Does for one request what `passport.authenticate` does. The strategy sees the attempt as its session: it keeps one
 * sign-in a session, and with its own part of ours two tabs do not overwrite each other.
 * @param input where a sign-in is begun; `undefined` where it is completed
 * @throws whatever the strategy or the provider reports
 */
export function runStrategy(
  strategy: passport.Strategy,
  request: Request,
  attempt: Attempt,
  input?: SignInRequest,
): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const actions: Partial<Actions> = {
    success: (profile: object) => resolve({ profile: profile as Profile }), // every strategy of ours succeeds with one
    redirect: (redirect: string) => resolve({ redirect }),
    error: reject,
    fail: (challenge: unknown) => reject(new Error(`the strategy failed: ${messageOf(challenge)}`)),
    pass: () => reject(new Error('the strategy did not decide')),
  };
  const own: Actions = Object.assign(Object.create(strategy), actions);
  const session = { value: attempt };
  // A sign-in can begin in the callback of another one: the strategy must not see that one's code.
  const seen = input === undefined ? { session } : { session, query: { value: {} } };
  own.authenticate(Object.create(request, seen), input ?? {});
  return promise;
}

function messageOf(challenge: unknown): string {
  return String(fieldsIn(challenge)['message'] ?? challenge);
}
