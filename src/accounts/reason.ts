/** Owns the reason that administrators give for taking something away, which its owner sees. */
import { Refusal } from '../lib/errors.ts';

const maximumLength = 200;

/**
 * @returns the reason as it is stored; can be ''
 * @throws {Refusal} `bad_request`
 */
export function checkReason(reason: string): string {
  if (reason.length <= maximumLength) return reason.trim();
  throw new Refusal('bad_request', `Keep the reason under ${maximumLength} characters.`);
}
