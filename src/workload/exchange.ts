/** Owns the exchange of an ID token for a short-lived password (RFC 8693). */
import { createHash } from 'node:crypto';
import type { Requester } from '../identity/requester.ts';
import type { SeenTokenStore } from '../store/seen-tokens.ts';
import type { Accept } from './accept.ts';
import type { WorkloadCredentials } from './credentials.ts';
import type { Failures } from './failures.ts';
import { anyIssuer } from './issuer.ts';
import { type RefusalReason, WorkloadRefusal } from './refusal.ts';
import { leeway, type VerifiedToken } from './verify.ts';

export type ExchangeRequest = {
  readonly token: string;
  /** The name of the issuer, where several have the same `iss`. */
  readonly username: string | null;
  /** The only service that takes the password; `null`: each that the rule is for. */
  readonly service: string | null;
};

/** `expiresIn` in seconds; `username` to log in with. */
export type Exchanged = { readonly password: string; readonly expiresIn: number; readonly username: string };

/** @throws {WorkloadRefusal}; {Refusal} `unavailable` */
export type Exchange = (request: ExchangeRequest, client: Requester) => Promise<Exchanged>;

export function createExchange(parts: {
  readonly accept: Accept;
  readonly credentials: Pick<WorkloadCredentials, 'issuePassword'>;
  readonly seenTokens: Pick<SeenTokenStore, 'note' | 'forget'>;
  readonly failures: Pick<Failures, 'record'>;
  readonly onJudged: (issuer: string, outcome: RefusalReason) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
}): Exchange {
  const { accept, credentials, seenTokens, now } = parts;
  return async ({ token: text, username, service }, client) => {
    const { address } = client;
    const accepted = await accept(text, { username: username ?? anyIssuer, service, address, purpose: 'exchange' });
    const { token } = accepted;
    const once = onceOf(token);
    if (once !== null && !(await seenTokens.note(once, token.latestEnd + leeway * 1000))) {
      parts.failures.record({
        reason: 'used-before',
        issuer: token.issuer,
        claims: token.claims,
        mismatch: null,
        address,
      });
      parts.onJudged(token.issuer.name, 'used-before');
      throw new WorkloadRefusal('used-before', { hint: 'it was exchanged before; ask for a new one' });
    }
    try {
      const { secret, endsAt } = await credentials.issuePassword(accepted, service, client);
      return { password: secret, expiresIn: Math.floor((endsAt - now()) / 1000), username: username ?? anyIssuer };
    } catch (error) {
      if (once !== null) await seenTokens.forget(once);
      throw error;
    }
  };
}

/** What is noted of a token that can be exchanged only once; `null` for others. */
function onceOf({ issuer, jti }: VerifiedToken): string | null {
  if (!issuer.singleUse || jti === null) return null;
  return createHash('sha256').update(`exchange\0${issuer.name}\0${issuer.issuer}\0${jti}`).digest('base64url');
}
