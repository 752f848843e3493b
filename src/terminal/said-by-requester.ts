/** Owns what a requester says about itself and a page quotes: its machine and its program. */
import { mixesScripts } from '../identity/confusable-address.ts';
import { normalized } from '../lib/unicode.ts';

/** Characters. */
const maximumLength = 40;

/**
 * At most 40 characters that are seen, of one script; anything else is dropped or, where scripts are mixed, all of it.
 * @param otherwise where nothing is left
 */
export function quotable(text: string, otherwise: string): string {
  const visible = normalized(text)
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, '')
    .trim();
  const short = [...visible].slice(0, maximumLength).join('');
  return short === '' || mixesScripts(short) ? otherwise : short;
}
