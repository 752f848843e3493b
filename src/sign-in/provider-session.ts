/** Owns how a session at a provider is named here, so that the provider's back-channel logout finds ours. */
import { createHash } from 'node:crypto';

/** A hash: `sid` is the provider's business, and two providers may use the same. `null` without one. */
export function providerSessionId(issuer: string, sid: unknown): string | null {
  if (typeof sid !== 'string' || sid === '') return null;
  return createHash('sha256')
    .update(JSON.stringify([issuer, sid]))
    .digest('base64url');
}
