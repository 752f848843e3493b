/** Owns the seam between the sign-in pages and the providers: what a provider says about a person, and how it is asked. */
import type passport from 'passport';
import type { Refusal } from '../lib/errors.ts';
import { fromSeconds } from '../lib/time.ts';
import type { Fetch } from './provider-fetch.ts';
import type { ProviderStatus } from './provider-status.ts';
import type { SentBefore } from './sent-before.ts';
import type { ReadMessage } from './signed-message.ts';

/** What a provider proved about a person, before it's checked whether this person is admitted. */
export type Profile = {
  /** The connector's name. */
  readonly provider: string;
  /** OpenID Connect `iss`; with `subject` the only thing that identifies a person. */
  readonly issuer: string;
  readonly subject: string;
  /** As the provider wrote it; `null` if it sent none. */
  readonly email: string | null;
  /** `null`: the provider did not say. */
  readonly emailVerified: boolean | null;
  readonly displayName: string | null;
  /** Lower case: Google's `hd`; for other providers the domain of the e-mail. */
  readonly domain: string | null;
  /** Prefixed by the provider: `keycloak:devs`. `null`: the provider did not say, which is not "none". */
  readonly groups: readonly string[] | null;
  /** Why they're unknown, where a claim is configured; `null` otherwise. */
  readonly groupsProblem: string | null;
  /** No group, because the provider left the claim out. */
  readonly groupsLeftOut: boolean;
  /** To ask about the person later; `null` where none is kept. A secret. */
  readonly refreshToken: string | null;
  /** `auth_time`, in epoch milliseconds: when the provider last authenticated the person; `null`: it didn't say. */
  readonly authenticatedAt: number | null;
  /** The session at the provider, which its back-channel logout names: provider-session.ts. */
  readonly providerSession: string | null;
};

/**
 * A sign-in that has begun and waits for the provider's answer. The browser keeps it in a cookie of its own, and it's the
 * `session` that the connector's strategy sees, so sign-ins in two tabs don't disturb each other.
 */
export type Attempt = {
  /** Random; comes back in the callback's `state`. */
  readonly state: string;
  /** Comes back in the ID token's `nonce`. */
  readonly nonce: string;
  /** PKCE's; the strategy writes it when it sends the browser away. */
  codeVerifier?: string;
};

/** What a strategy finds where express-session's requests have their session. */
export function attemptOf(request: object): Attempt {
  return (request as { session: Attempt }).session; // web/strategy.ts puts it there
}

/** What a sign-in asks of the provider beyond the usual. */
export type SignInRequest = {
  /** OpenID Connect's: `login` asks for an account even where one is signed in, `consent` for what is given away. */
  readonly prompt?: 'login' | 'consent';
  /** Seconds: the provider is to authenticate the person again if it last did longer ago. */
  readonly maximumAge?: number;
  /** The account that the provider is to offer. */
  readonly loginHint?: string;
};

/** Implemented by google and oidc. */
export interface Connector {
  /** In the callback's path and before each group: 'google', 'keycloak'. */
  readonly name: string;
  /** On the button: 'Google'. */
  readonly label: string;
  /**
   * The Passport strategy; its user is a Profile, its request's `session` an Attempt.
   * @throws {Refusal} `unavailable` when the provider has to be asked first and does not answer
   */
  strategy(): Promise<passport.Strategy>;
  /** `null` if no refresh tokens are kept. */
  readonly refresher: Refresher | null;
  /** Whether every sign-in asks the person to choose an account, so that none is silent. */
  readonly alwaysAsks: boolean;
  /** Whether the provider gives a refresh token with its consent page alone, which is asked for where none is kept. */
  readonly asksConsent: boolean;
  /** Reads the logout tokens that the provider sends; `null` where it sends none. */
  readonly readLogout: ReadMessage | null;
  /** What to tell a person about an error of the strategy. */
  refusalOf(error: unknown): Refusal;
  /** @throws {Refusal} `denied` when the operator's settings do not let this person in */
  check(profile: Profile): void;
}

/** What a refresh token's answer shows about its person. */
export type AskedAbout = { readonly subject: string; readonly email: string | null; readonly domain: string | null };

/** Asks with a person's refresh token what the provider says of them now. */
export interface Refresher {
  /** The OAuth client whose refresh tokens these are: to another client they are worth nothing (RFC 6749, section 6). */
  readonly clientId: string;
  /**
   * @param keep gets the provider's next token immediately: the previous one may be worth nothing from then on
   * @throws what `keep` throws, and nothing of the provider's
   */
  ask(token: string, person: AskedAbout, keep: (next: string) => Promise<void>): Promise<ProviderStatus>;
  /** Makes the token worth nothing. @throws where the provider does not do it */
  revoke(token: string): Promise<void>;
}

/** Seconds that the clock of a provider can differ from ours. */
export const defaultClockLeeway = 30;

/** OpenID Connect's `auth_time`, as epoch milliseconds; `null` for anything but a number of seconds. */
export function authenticationTime(claim: unknown): number | null {
  return typeof claim === 'number' && Number.isFinite(claim) && claim > 0 ? fromSeconds(claim) : null;
}

/** `email_verified`; `null`: the provider didn't say. Amazon Cognito writes it as text, as Google does elsewhere. */
export function verifiedClaim(claim: unknown): boolean | null {
  return claim === undefined || claim === null ? null : claim === true || claim === 'true';
}

/** What it takes to call a provider. */
export type CallParts = {
  readonly fetch: Fetch;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds that one call to the provider can take; where left out, the default of provider-fetch. */
  readonly timeout?: number;
  /** Seconds that the provider's clock can differ from ours; where left out, `defaultClockLeeway`. */
  readonly clockLeeway?: number;
};

/** What every connector is given. */
export type ConnectorParts = CallParts & { readonly sent: SentBefore };
