/** Owns which e-mail addresses pass for another one in people's eyes: UTS 39, "highly restrictive", and letters that fold into ASCII. */
import { normalized } from '../lib/unicode.ts';
import { splitEmail } from './email.ts';

/** What may stand together (UTS 39, section 5.2); characters that every script uses are left out. */
const together: readonly RegExp[] = [
  /^[\p{Script=Latin}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]*$/u,
  /^[\p{Script=Latin}\p{Script=Han}\p{Script=Bopomofo}]*$/u,
  /^[\p{Script=Latin}\p{Script=Han}\p{Script=Hangul}]*$/u,
];
const shared = /[\p{Script=Common}\p{Script=Inherited}]/gu;
/**
 * Small letters of Cyrillic, Greek and Armenian that no one tells from a Latin one (UTS 39, confusables.txt, without those that
 * only some fonts draw so, such as г): a word of these alone is a Latin word to the eye.
 */
const twins = /^[аеорсухѕіјԁһԛԝӏьѡѵүҽꙇӕαγικνορστυχϱϲϳզհոսցօ]+$/u;

/** @returns why, in words that complete "the address ...", or `null` where it passes for no other */
export function whyConfusable(email: string): string | null {
  if (isAscii(email)) return null;
  if (/\p{Default_Ignorable_Code_Point}/u.test(email)) return 'holds a character that cannot be seen';
  const { user, domain } = splitEmail(email);
  for (const part of [user, ...domain.split('.')]) {
    const why = whyPart(part);
    if (why !== null) return why;
  }
  return null;
}

/** Whether a text has letters of scripts that no one writes together (UTS 39, "highly restrictive"). */
export function mixesScripts(text: string): boolean {
  const letters = normalized(text).replaceAll(shared, '');
  return !isOneScript(letters) && !together.some((set) => set.test(letters));
}

function isAscii(text: string): boolean {
  return /^\p{ASCII}*$/u.test(text);
}

function whyPart(part: string): string | null {
  if (/^\p{M}/u.test(part)) return 'begins with a mark that belongs to a letter before it';
  // Before NFC: the Kelvin sign is a "K" after it.
  const folding = [...part].find((character) => !isAscii(character) && foldsIntoAscii(character));
  if (folding !== undefined) return `holds ${folding}, which becomes a plain letter when case is ignored`;
  const letters = normalized(part).replaceAll(shared, '');
  // As the login is written: capitals that look Latin, too.
  if (twins.test(letters.toLowerCase())) return 'looks like Latin letters and is none';
  if (!mixesScripts(letters)) return null;
  return 'mixes letters of different scripts';
}

/** Not "ß", whose capitals are the two letters "SS": it stays as it is where case is ignored. */
function foldsIntoAscii(character: string): boolean {
  const upper = character.toUpperCase();
  const forms = [character.toLowerCase(), character.normalize('NFC'), character.normalize('NFKC')];
  return [...forms, ...(upper.length === 1 ? [upper] : [])].some(isAscii);
}

function isOneScript(letters: string): boolean {
  return scripts.some((script) => script.test(letters));
}

/** Those that people write names in today (UAX 31, table 5: recommended), each alone. */
const scripts = [
  ...[
    'Arabic',
    'Armenian',
    'Bengali',
    'Cyrillic',
    'Devanagari',
    'Ethiopic',
    'Georgian',
    'Greek',
    'Gujarati',
    'Gurmukhi',
  ],
  ...['Hebrew', 'Kannada', 'Khmer', 'Lao', 'Malayalam', 'Myanmar', 'Oriya', 'Sinhala', 'Tamil', 'Telugu', 'Thaana'],
  ...['Thai', 'Tibetan'],
].map((name) => new RegExp(`^\\p{Script=${name}}*$`, 'u'));
