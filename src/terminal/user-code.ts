/** Owns the code that a person reads in a terminal and types on the page (RFC 8628, section 6.1). */
import { randomBytes } from 'node:crypto';

/** Without vowels, so that no word comes out, and without letters that look like digits. */
const alphabet = 'BCDFGHJKLMNPQRSTVWXZ';
const length = 8;
/** Bytes from here on would make some letters likelier than others. */
const unbiased = 256 - (256 % alphabet.length);

/** "WDJB-MJHT": 34.5 bits, which ten wrong codes in ten minutes do not get through. */
export function createUserCode(random: (size: number) => Uint8Array = randomBytes): string {
  let code = '';
  while (code.length < length) {
    for (const byte of random(length)) {
      if (byte < unbiased && code.length < length) code += alphabet[byte % alphabet.length];
    }
  }
  return formatUserCode(code);
}

/** Case, spaces and punctuation don't matter. @returns `null` for what can't be a code */
export function normalizeUserCode(typed: string): string | null {
  const letters = typed
    .slice(0, 64)
    .toUpperCase()
    .replaceAll(/[^A-Z]/g, '');
  return letters.length === length && [...letters].every((letter) => alphabet.includes(letter)) ? letters : null;
}

/** "WDJBMJHT" -> "WDJB-MJHT" */
export function formatUserCode(code: string): string {
  return `${code.slice(0, length / 2)}-${code.slice(length / 2)}`;
}
