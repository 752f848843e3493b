/** Owns what a provider reports to Dockpass unasked: signed messages that end sessions or accounts. */
import { errors } from 'jose';

/** What was reported about one person or session. */
export type ProviderMessage = {
  readonly issuer: string;
  /** Of the message: what has come twice counts once. */
  readonly id: string;
  /** Epoch milliseconds: when the provider said so, which may be days before it could deliver that. */
  readonly at: number;
  /** Epoch milliseconds from which on an equal message would not be accepted anyhow. */
  readonly expiresAt: number;
  readonly events: readonly ProviderEvent[];
};

export type ProviderEvent = {
  /**
   * `suspend`: passwords rest until the next sign-in. `forget-token`: the refresh token that `token` describes is worth
   * nothing any more.
   */
  readonly kind: 'end-sessions' | 'suspend' | 'disable' | 'forget-token' | 'nothing';
  /** For the audit. */
  readonly reason: string;
  /** `null` where only the session or the token is named. */
  readonly subject: string | null;
  /** Whether a refresh token is the one that the event names; only of `forget-token`. */
  readonly isToken?: (token: string) => boolean;
  /** As `providerSessionId` makes it; `null`: all of the person's sessions. */
  readonly providerSession: string | null;
};

/** @throws {MessageError} for anything that isn't such a message; other errors if it couldn't be verified */
export type ReadMessage = (text: string) => Promise<ProviderMessage>;

/** The sender's fault: not signed by the provider, not for this client, or not of the form. */
export class MessageError extends Error {
  override readonly name = 'MessageError';
}

/** Whether jose's error means that the message is wrong, and not that the provider's keys could not be had. */
export function isWrongSignature(error: unknown): boolean {
  return error instanceof errors.JOSEError && error.code !== 'ERR_JWKS_TIMEOUT' && error.code !== 'ERR_JOSE_GENERIC';
}
