/** Owns the Unicode form in which texts are compared, and which characters of a text can't be seen. */

/** Characters: longer than every name, address and password that someone types. */
const longest = 512;

/** Whether the text has control characters, or others that can't be seen: some turn around what is written after them. */
export function hasInvisible(text: string): boolean {
  return /[\p{Cc}\p{Cf}]/u.test(text);
}

/** The text without them. */
export function withoutInvisible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '');
}

/**
 * The text in a normalization form (UAX 15). A longer text stays as it is: ICU sorts the marks on a letter in a time that
 * grows with the square of their number, and 60,000 of them held up everyone for ten seconds.
 */
export function normalized(text: string, form: 'NFC' | 'NFD' | 'NFKC' = 'NFC'): string {
  return text.length > longest ? text : text.normalize(form);
}
