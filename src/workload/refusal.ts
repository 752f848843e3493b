/** Owns why an ID token is refused: what administrators read in full, and what its sender learns. */
import { Refusal } from '../lib/errors.ts';

/** Each reason, and what the Workloads page says about it. */
export const refusalReasons = {
  'unknown-issuer': 'The token names an issuer that the workloads file does not have.',
  'shared-issuer': 'Several issuers have this iss, and the user name did not say which one is meant.',
  'wrong-name': 'The user name was neither "oidc" nor the name of the issuer.',
  'switched-off': 'The issuer is disabled.',
  'too-long': 'The token is longer than 20 KB.',
  malformed: 'The token is not a signed JWT.',
  header: 'The header has a type or a field that ID tokens do not have.',
  algorithm: 'The algorithm is not one that the issuer can use.',
  'unknown-key': 'The newest key set of the issuer has no such key.',
  signature: 'The signature is wrong.',
  claims: 'The token lacks a claim that every ID token has, or one has the wrong form.',
  issuer: 'The token is from another issuer than the user name says.',
  audience: 'The token is for another audience, or for several.',
  expired: 'The token has expired, is too old, or has less than 60 seconds left.',
  'not-yet': 'The token is not valid yet: compare the clocks.',
  'issued-before': 'The token is from before the issuer was enabled again.',
  'exchange-only': 'The issuer is "exchange: only", and the token was sent as a password.',
  'used-before': 'The token was exchanged before.',
  'no-rule': 'No rule accepts the token.',
  ended: 'The password has ended: it was reported as leaked, or its issuer was disabled.',
  limit: 'The rule has as many active passwords as it can have.',
} as const;

export type RefusalReason = keyof typeof refusalReasons;

/**
 * An ID token, or what was made from one, that isn't accepted. `message` is for its sender and doesn't help someone
 * guessing: only those get reasons who hold a token that the issuer signed.
 */
export class WorkloadRefusal extends Refusal {
  readonly reason: RefusalReason;
  /** What its sender can do; part of the message. */
  readonly hint: string | null;

  constructor(reason: RefusalReason, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    const message = `this ID token is not accepted${options.hint === undefined ? '' : `: ${options.hint}`}; the administrators of this registry find the reason on their Workloads page`;
    super(reason === 'limit' ? 'too_many_requests' : 'unauthenticated', message, { cause: options.cause });
    this.reason = reason;
    this.hint = options.hint ?? null;
  }
}
