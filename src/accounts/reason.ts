/** Owns the reason that administrators give for what they take away, which its owner is told. */
import { Refusal } from '../lib/errors.ts';

const maximumLength = 200;

/**
 * @returns the reason as it is stored; may be ''
 * @throws {Refusal} `bad_request`
 */
export function checkReason(reason: string): string {
  if (reason.length <= maximumLength) return reason.trim();
  throw new Refusal('bad_request', `Keep the reason under ${maximumLength} characters.`);
}
