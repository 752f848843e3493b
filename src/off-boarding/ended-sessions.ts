/** Owns the sessions and people that a provider ended a short time ago: a sign-in that was under way then must change nothing. */
import { createHash } from 'node:crypto';
import { minute } from '../lib/time.ts';
import type { Profile } from '../sign-in/connector.ts';
import type { ProviderEvent } from '../sign-in/signed-message.ts';
import type { SeenTokenStore } from '../store/seen-tokens.ts';

/** When a sign-in began here, and when its answer came from the provider; epoch milliseconds. */
export type SignInTimes = { readonly begunAt: number; readonly answeredAt: number };

export type EndedSessions = {
  /** Comes before the sessions or the account are ended, so that each is found there or here. */
  note(issuer: string, event: Pick<ProviderEvent, 'subject' | 'providerSession'>): Promise<void>;
  /**
   * Whether the provider ended the session that someone signs in with. Asked before the sign-in changes anything, and once ours is
   * stored. Replicas compare their own times, so their clocks have to agree: leeway would end each sign-in for which a provider
   * ends the person's earlier sessions.
   * @param times a session with a name counts since the sign-in began, all of a person since the answer: providers end the
   *   person's earlier sessions when they authenticate them again
   */
  endedMeanwhile(
    profile: Pick<Profile, 'issuer' | 'subject' | 'providerSession'>,
    times: SignInTimes,
  ): Promise<boolean>;
};

/** Milliseconds; a sign-in takes ten minutes at most, and a while for its answer. */
const lifetime = 20 * minute;

/** @param now epoch milliseconds */
export function createEndedSessions(
  seenTokens: Pick<SeenTokenStore, 'noteLatest' | 'hasSince'>,
  now: () => number,
): EndedSessions {
  const hasSince = (id: string, time: number) => seenTokens.hasSince(id, time + lifetime);
  return {
    async note(issuer, { subject, providerSession }) {
      const ids = [
        ...(providerSession === null ? [] : [idOf('session', providerSession)]),
        // Of someone whose session here has no name, it could be this one.
        ...(subject === null ? [] : [idOf(providerSession === null ? 'all' : 'one', issuer, subject)]),
      ];
      for (const id of ids) await seenTokens.noteLatest(id, now() + lifetime);
    },
    async endedMeanwhile({ issuer, subject, providerSession }, { begunAt, answeredAt }) {
      if (await hasSince(idOf('all', issuer, subject), answeredAt)) return true;
      return providerSession === null
        ? hasSince(idOf('one', issuer, subject), answeredAt)
        : hasSince(idOf('session', providerSession), begunAt);
    },
  };
}

function idOf(...parts: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify(['ended', ...parts]))
    .digest('base64url');
}
