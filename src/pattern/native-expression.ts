/** Owns expressions that JavaScript's own engine matches just as RE2 does: it compiles them a hundred times faster. */
import { isAscii } from './ascii.ts';
import { times } from './plain-expression.ts';

/** Whether some part of a text fits; `null` where that engine might take long, or answer otherwise. */
export type NativeMatcher = (text: string) => boolean | null;

/** An expression as JavaScript writes it, what bounds the steps that it may take, and what each text that fits holds. */
type Translation = {
  readonly source: string;
  readonly loops: number;
  readonly branches: number;
  readonly required: string;
};

/**
 * About a millisecond: whoever can write a pattern must not be able to hold everybody up. Counts, forty times `.{99}`, may
 * take a thousand times as long; RE2 then takes ten times that.
 */
const maximumSteps = 100_000;
const longest = 200;

/** Outside of a class. Both engines read the rest alike, as long as the text is ASCII. */
const translated: Readonly<Record<string, string>> = {
  '.': '[^\\n]',
  '\\s': '[\\t\\n\\f\\r ]',
  '\\S': '[^\\t\\n\\f\\r ]',
};
const literal = String.raw`[\w !"#%&',/:;<=>@\x60~-]|\\[.\-+*?()|[\]{}^$/@]`;
const set = String.raw`\.|\\[dDwWsS]|\[\^?(?:[a-z]-[a-z]|[A-Z]-[A-Z]|\d-\d|[\w@./+]|\\[.\-/dw])+-?\]`;
/** A literal or a set, with what repeats it; an opening; a closing; an alternative; an end of the text or of a word. */
const token = new RegExp(
  String.raw`(?:(${literal})|(${set}))(?:([*+]|\{${times},${times}?\})\??|(\?)\??|(\{${times}\})\??)?|(\((?:\?:)?)|(\))(\?\??)?|(\|)|[\^$]|\\[bB]`,
  'y',
);
/** What is not told apart by case; of ASCII, both engines take the same for the same letter. */
const caseless = /^(\^?)\(\?i\)/;

/**
 * Takes what has no loop but of single characters: the set of texts that fit is then the same in both engines.
 * @param source RE2 syntax that compiles
 * @returns `null` for what is more
 */
export function nativeExpression(source: string): NativeMatcher | null {
  const translation = source.length <= longest ? translate(source.replace(caseless, '$1')) : null;
  if (translation === null) return null;
  const { loops, branches } = translation;
  const isCaseless = caseless.test(source);
  const required = isCaseless ? '' : translation.required;
  let expression: RegExp | undefined;
  return (text) => {
    if (!text.includes(required)) return false;
    if (2 ** branches * text.length ** loops > maximumSteps || !isAscii(text)) return null;
    expression ??= new RegExp(translation.source, isCaseless ? 'i' : '');
    return expression.test(text);
  };
}

function translate(source: string): Translation | null {
  const hasAlternatives = source.includes('|');
  // Where it may begin anywhere, that is one loop more.
  let loops = source.startsWith('^') && !hasAlternatives ? 0 : 1;
  let [branches, depth, written, run, required, isEitherOr] = [0, 0, '', '', '', false];
  token.lastIndex = 0;
  while (token.lastIndex < source.length) {
    const [text, letter, several, loop, maybe, exactly, open, close, left, either] = token.exec(source) ?? [];
    if (text === undefined) return null;
    if (loop !== undefined) loops += 1;
    if ((maybe ?? left ?? either) !== undefined) branches += 1;
    if (open !== undefined) depth += 1;
    if (close !== undefined) depth -= 1;
    if (either !== undefined && depth === 0) isEitherOr = true;
    const isOnce = (maybe ?? exactly ?? loop) === undefined;
    const isSure = depth === 0 && letter !== undefined && (isOnce || loop === '+');
    run = isSure ? run + letter.slice(-1) : '';
    if (run.length > required.length) required = run;
    // What is repeated may stand between it and what follows.
    if (loop !== undefined) run = '';
    written += several === undefined ? text : (translated[several] ?? several) + text.slice(several.length);
  }
  return { source: written, loops, branches, required: isEitherOr ? '' : required };
}
