/** Owns what a requester says about itself and a page quotes: its machine and its program. */

/** Characters. */
const maximumLength = 40;

/** Scripts whose letters pass for Latin ones: mixed with it they are meant to deceive (UTS 39). */
const confusing = [/\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u, /\p{Script=Cherokee}/u];

/**
 * At most 40 characters that are seen, of one script; anything else is dropped or, where scripts are mixed to deceive, all of it.
 * @param otherwise where nothing is left
 */
export function quotable(text: string, otherwise: string): string {
  const visible = text
    .normalize('NFC')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, '')
    .trim();
  const short = [...visible].slice(0, maximumLength).join('');
  const isMixed = /[A-Za-z]/.test(short) && confusing.some((script) => script.test(short));
  return short === '' || isMixed ? otherwise : short;
}
