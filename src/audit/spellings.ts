/** Owns how a login that someone typed is looked for. */
import { foldCase } from '../identity/identity.ts';
import { normalized } from '../lib/unicode.ts';

/**
 * As it was typed, and as accounts have it: "Ana@Example.com" finds ana@example.com. Names of jobs and of users of the policy
 * file have capital letters, so both are looked for.
 */
export function spellingsOf(login: string): readonly [string, string] {
  return [normalized(login), foldCase(login)];
}
