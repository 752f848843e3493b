/** Owns the reason that administrators give for taking something away, which its owner sees. */
import { Refusal } from './errors.ts';
import { hasInvisible } from './unicode.ts';

const maximumLength = 200;

/**
 * @returns the reason as it is stored; can be ''
 * @throws {Refusal} `bad_request`
 */
export function checkReason(reason: string): string {
  const trimmed = reason.trim();
  if (trimmed.length > maximumLength) {
    throw new Refusal('bad_request', `Use at most ${maximumLength} characters for the reason.`, { field: 'reason' });
  }
  // Terminals show it, docker's among them. Names of passwords can't have these either.
  if (!hasInvisible(trimmed)) return trimmed;
  const message = 'The reason contains a control or invisible character. Remove it.';
  throw new Refusal('bad_request', message, { field: 'reason' });
}
