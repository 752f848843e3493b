/** Owns how a login that someone typed is looked for. */
import { otherFormOf } from '../identity/email.ts';
import { foldCase } from '../identity/identity.ts';
import { normalized } from '../lib/unicode.ts';

/**
 * As it was typed, and as accounts have it: "Ana@Example.com" finds ana@example.com. Names of jobs and of users of the policy
 * file have capital letters, so both are looked for, and an address with an internationalized domain in its other form.
 */
export function spellingsOf(login: string): readonly [string, string, string] {
  const folded = foldCase(login);
  return [normalized(login), folded, otherFormOf(login) ?? folded];
}
