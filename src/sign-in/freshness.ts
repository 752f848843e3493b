/** Owns when a provider last authenticated someone: what its signed answer proves, and what counts where it proves nothing. */
import { Refusal } from '../lib/errors.ts';
import { minuteOf } from '../lib/time.ts';
import type { Connector, Profile } from './connector.ts';
import type { SentBefore, SentBy } from './sent-before.ts';

/** How a sign-in was asked for. */
export type Asked = {
  /** The provider was asked to authenticate the person even where it remembers one (`prompt=login`). */
  readonly login: boolean;
  /** Someone who is signed in has to prove that it's still them; `null` for any other sign-in. */
  readonly again: { readonly login: string; readonly issuer: string; readonly subject: string } | null;
};

export type Freshness = {
  /**
   * Epoch milliseconds at which the provider authenticated the person; `null`: nothing shows when.
   * @throws {Refusal} where a sign-in that has to be fresh isn't, or is another person's
   */
  judge(connector: Connector, profile: Profile, asked: Asked): Promise<number | null>;
  /** Whether the provider says when it authenticated someone. */
  isProven(by: SentBy): Promise<boolean>;
};

export type FreshnessParts = {
  readonly sent: SentBefore;
  /** Seconds that a fresh sign-in can be old. */
  readonly maximumAge: number;
  /** Seconds that the provider's clock can differ from ours. */
  readonly clockLeeway: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export function createFreshness(parts: FreshnessParts): Freshness {
  const { sent, maximumAge, clockLeeway, now } = parts;
  return {
    isProven: (by) => sent.has(by, 'auth_time'),
    async judge(connector, profile, asked) {
      if (asked.again !== null) requireSamePerson(profile, asked.again, connector.label);
      const at = await authenticatedAt(parts, connector, profile, asked.login);
      if (asked.again === null) return at;
      if (at === null) throw noTime(connector.label);
      if (now() - at > (maximumAge + clockLeeway) * 1000) throw notAgain(connector.label, at);
      return at;
    },
  };
}

async function authenticatedAt(
  { sent, clockLeeway, now }: FreshnessParts,
  connector: Connector,
  profile: Profile,
  askedToLogIn: boolean,
): Promise<number | null> {
  await sent.note(profile, 'sign-in');
  const { authenticatedAt: at } = profile;
  // One in the future, as in milliseconds where seconds are meant, would stay fresh forever, so it's no time at all.
  if (at !== null && at <= now() + clockLeeway * 1000) {
    await sent.note(profile, 'auth_time');
    return Math.min(at, now());
  }
  if (await sent.has(profile, 'auth_time')) return null;
  // This provider has never said it: what it was asked for decides, or an upgrade could lock the last administrator out.
  return askedToLogIn || connector.alwaysAsks ? now() : null;
}

function requireSamePerson(profile: Profile, again: NonNullable<Asked['again']>, label: string): void {
  if (profile.issuer === again.issuer && profile.subject === again.subject) return;
  throw new Refusal(
    'denied',
    `You are signed in as ${again.login}, but ${label} answered for another account. Choose the account of ${again.login} there, or sign out here first.`,
  );
}

/** OpenID Connect Core 1.0, section 3.1.2.1: with `max_age`, the ID token must have `auth_time`. */
function noTime(label: string): Refusal {
  return new Refusal(
    'bad_gateway',
    `${label} did not say when it authenticated you, as it did before. Tell your administrator.`,
    { cause: new Error('the ID token has no auth_time, which this provider has sent before') },
  );
}

/** OpenID Connect Core 1.0, section 3.1.3.7, point 13. */
function notAgain(label: string, at: number): Refusal {
  return new Refusal(
    'bad_request',
    `${label} did not authenticate you again: it says that it last did at ${minuteOf(at)} UTC. Start again, and tell your administrator if that does not help.`,
  );
}
