/** Owns finding characters that were hardly meant: a chat, a web page or a text processor put them where the keyboard's own belong. */
import { isAscii } from '../lib/ascii.ts';

/** Those that Unicode does not fold into the character that they look like. */
const twins: readonly [looks: RegExp, like: string][] = [
  [/\p{Quotation_Mark}/u, '"'],
  [/\p{Dash}/u, '-'],
  [/[\u2044\u2215]/u, '/'],
  [/\u2217/u, '*'],
];

const otherScript = String.raw`[\p{Script=Cyrillic}\p{Script=Greek}]`;
const mixed = new RegExp(String.raw`(?<=\p{Script=Latin})${otherScript}|${otherScript}(?=\p{Script=Latin})`, 'u');

/**
 * What people write in their own script stays: only signs that look like those of the keyboard are reported, what cannot be seen,
 * and a Cyrillic or Greek letter within a Latin word.
 * @returns says what is odd about the first such character, in words that complete "match.name: ...", or `null`
 */
export function findConfusable(text: string): string | null {
  if (isAscii(text)) return null; // nearly always
  for (const [character] of text.matchAll(/\P{ASCII}/gu)) {
    const oddity = oddityOf(character);
    if (oddity !== null) return `${nameOf(character)} ${oddity}`;
  }
  const [letter] = mixed.exec(text) ?? [];
  return letter === undefined ? null : `${nameOf(letter)} isn't a Latin letter, though it's in a Latin word`;
}

function oddityOf(character: string): string | null {
  if (/\p{Default_Ignorable_Code_Point}/u.test(character)) return 'cannot be seen';
  const folded = character.normalize('NFKC');
  const twin = /^\p{ASCII}+$/u.test(folded) ? folded : twins.find(([looks]) => looks.test(character))?.[1];
  return twin === undefined ? null : `looks like ${twin === ' ' ? 'a space' : twin} and is not the same`;
}

function nameOf(character: string): string {
  const point = `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
  return /[\p{Default_Ignorable_Code_Point}\p{White_Space}]/u.test(character) ? point : `${character} (${point})`;
}
