/** Owns the signature of a webhook by Standard Webhooks (github.com/standard-webhooks/standard-webhooks, spec). */
import { createHmac } from 'node:crypto';

export type Signed = {
  readonly id: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly body: string;
};

/** @param secrets two while they are rotated: a receiver accepts the message by either */
export function signatureOf(secrets: readonly Uint8Array[], { id, timestamp, body }: Signed): string {
  return secrets
    .map((secret) => `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')}`)
    .join(' ');
}
