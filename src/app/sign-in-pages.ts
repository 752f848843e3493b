/** Makes what signs people in: sessions, the sign-in itself, and the check that a sign-in is fresh. */
import type { Router } from 'express';
import type { Config } from '../config/config.ts';
import type { RequesterReader } from '../http/requester.ts';
import { createAdmission } from '../sign-in/admission.ts';
import { createFreshness } from '../sign-in/freshness.ts';
import { requireFreshSignIn } from '../web/fresh-sign-in.ts';
import { createRedemptions } from '../web/redemptions.ts';
import { createSessions, type Sessions } from '../web/session.ts';
import { createSignIn, type SignIn, type SignInParts } from '../web/sign-in.ts';
import { createSignInAttempts } from '../web/sign-in-attempts.ts';
import { createSignedOut } from '../web/signed-out.ts';
import type { Views } from '../web/views.ts';
import type { Core } from './core.ts';
import type { RunningMetrics } from './metrics-listener.ts';
import { labelOf, type People } from './off-boarding.ts';
import type { PageContext } from './page-context.ts';
import type { Policies } from './policy-file.ts';

type Parts = {
  readonly views: Views;
  readonly requesterOf: RequesterReader;
  readonly people: People;
  readonly policies: Pick<Policies, 'current'>;
  /** Signs the cookies of sessions. */
  readonly sessionSecret: string;
  /** `null` if metrics are off. */
  readonly metrics: Pick<RunningMetrics, 'signInEnded'> | null;
  /** Aborted once the service stops. */
  readonly stopping: AbortSignal;
};

export type OpenSignIn = {
  readonly sessions: Sessions;
  readonly signIn: SignIn;
  readonly fresh: PageContext['fresh'];
};

export function openSignIn(config: Config, core: Core, parts: Parts): OpenSignIn {
  const { views, people } = parts;
  const secrets = [parts.sessionSecret];
  const sessions = openSessions(config, core, parts, secrets);
  const freshness = createFreshness({ ...freshnessOf(config), sent: people.sent, now: Date.now });
  const ofFresh = {
    ...{ views, isProven: freshness.isProven, now: Date.now },
    labelOf: (provider: string) => labelOf(people, provider),
  };
  return {
    sessions,
    signIn: openPages(config, core, parts, { sessions, views, secrets, freshness }),
    fresh: (maximumAge = config.administrators.freshness) => requireFreshSignIn({ ...ofFresh, freshness: maximumAge }),
  };
}

/** What only pages of this site can send. The POST that begins a sign-in can come from anywhere, so it's mounted before. */
export function mountSignIn(router: Router, signIn: SignIn): void {
  router.get('/sign-in', signIn.choose);
  router.get('/sign-in/:provider', signIn.begin);
  router.get('/sign-in/:provider/callback', signIn.complete);
  router.post('/sign-out', signIn.signOut);
}

/** Whether browsers speak https with the pages. */
export function isSecure({ publicUrl }: Config): boolean {
  return publicUrl.protocol === 'https:';
}

/** The freshest sign-in that a page asks for is what a provider is asked for. */
function freshnessOf({ administrators, passwordFreshness, clockLeeway }: Config) {
  return {
    maximumAge: Math.min(administrators.freshness, passwordFreshness ?? Number.POSITIVE_INFINITY),
    clockLeeway,
  };
}

/** The public URL with the prefix, and without a slash at its end. */
function siteOf({ publicUrl, prefix }: Config): string {
  return publicUrl.origin + prefix;
}

function openSessions(
  config: Config,
  { store, log, authority }: Core,
  { requesterOf, stopping }: Parts,
  secrets: readonly string[],
): Sessions {
  const sessions = createSessions({
    ...{ sessions: store.sessions, accounts: store.accounts, authority, requesterOf, secrets, log, now: Date.now },
    idle: config.sessionIdle,
    absolute: config.sessionAbsolute,
    secure: isSecure(config),
    prefix: config.prefix,
    publicUrl: siteOf(config),
  });
  if (stopping.aborted) sessions.close();
  else stopping.addEventListener('abort', sessions.close);
  return sessions;
}

function openPages(
  config: Config,
  { store, audit, log, authority }: Core,
  { people, policies, requesterOf, metrics }: Parts,
  pages: Pick<SignInParts, 'sessions' | 'views' | 'freshness'> & { readonly secrets: readonly string[] },
): SignIn {
  const { connectors, offBoarding } = people;
  const site = { prefix: config.prefix, publicUrl: siteOf(config), secure: isSecure(config), now: Date.now };
  return createSignIn({
    ...{ connectors, audit, log, requesterOf, ...pages, ...site },
    registries: config.services.map(({ label, registryHost: host }) => ({ label, host })),
    maximumAge: freshnessOf(config).maximumAge,
    attempts: createSignInAttempts({ ...pages, ...site }),
    signedOut: createSignedOut(site),
    redemptions: createRedemptions({ seenTokens: store.seenTokens, now: Date.now }),
    onAnswer: people.health.note,
    onEnd: metrics?.signInEnded ?? (() => {}),
    admission: createAdmission({
      ...{ accounts: store.accounts, moves: store.accountMoves, retiredLogins: store.retiredLogins },
      ...{ authority, audit, now: Date.now },
      isStaticUser: (login) => policies.current().users.has(login),
    }),
    believe: offBoarding.believe,
    afterSignIn: offBoarding.afterSignIn,
    needsToken: offBoarding.needsToken,
    endedMeanwhile: offBoarding.endedMeanwhile,
  });
}
