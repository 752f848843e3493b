/** Owns trying the values of labels and groups in a pattern: every combination of those that can match, up to a limit. */
import { quoteMeta } from '../pattern/expression.ts';

/** A placeholder with the values that it can stand for. */
export type Choice = { readonly written: string; readonly values: readonly string[] };

/** What a pattern consists of besides its choices, as it is written. */
export type Setting = {
  readonly pattern: string;
  /** The text between the placeholders. */
  readonly texts: readonly string[];
  readonly isExpression: boolean;
  /** Values are put in as they are, and so are captures. */
  readonly raw: boolean;
  /** `null`: there is no limit. */
  readonly limit: number | null;
};

/** Patterns are compiled for each: a thousand take some tenths of a second, and every other request waits. */
export const maximumCombinations = 1_000;

/** More combinations than are tried. Whether the rule matches is unknown, so nothing is granted. */
export class TooManyCombinations extends Error {
  override readonly name = 'TooManyCombinations';
}

/**
 * Whether `fits` holds for some combination, one value a placeholder throughout.
 * @throws {TooManyCombinations}
 */
export function someChoice(
  choices: readonly Choice[],
  setting: Setting,
  text: string,
  fits: (chosen: ReadonlyMap<string, string>) => boolean,
): boolean {
  if (choices.length === 0) return false;
  const open = mustOccur(choices, setting) ? choices.map((choice) => occurring(choice, text)) : choices;
  const count = open.reduce((product, { values }) => product * values.length, 1);
  if (setting.limit !== null && count > setting.limit) {
    const names = open.map(({ written, values }) => `${values.length} for ${written}`).join(', ');
    throw new TooManyCombinations(
      `"${setting.pattern}" has ${count} combinations of values (${names}), and at most ${setting.limit} are tried`,
    );
  }
  const chosen = new Map<string, string>();
  const tryFrom = (index: number): boolean => {
    const choice = open[index];
    if (!choice) return fits(chosen);
    return choice.values.some((value) => {
      chosen.set(choice.written, value);
      return tryFrom(index + 1);
    });
  };
  return tryFrom(0);
}

function occurring({ written, values }: Choice, text: string): Choice {
  return { written, values: values.filter((value) => text.includes(value)) };
}

/**
 * Whether every matching text contains each chosen value, letter by letter. True only if that is certain: no part of the
 * pattern is optional, one of several, in a class or read without case.
 */
export function mustOccur(choices: readonly Choice[], { pattern, texts, isExpression, raw }: Setting): boolean {
  const unsure = isExpression ? unsureInExpression : unsureInGlob;
  if (texts.some((text) => unsure.test(text))) return false;
  if (!raw) return true;
  // A capture can be a pattern itself.
  if (/:\d+\}/.test(pattern)) return false;
  if (isExpression) return haveOnly(choices, (value) => quoteMeta(value) === value);
  // A value can be the slashes of an expression.
  if (/^[/$]/.test(pattern) && /[/}]$/.test(pattern)) return false;
  return haveOnly(choices, (value) => !/[*?[\\]/.test(value));
}

/** A class, and a backslash right before a placeholder, which can escape the next backslash as well. */
const unsureInGlob = /\[|\\$/;
/** Besides: alternatives, groups with their flags, repetitions of a placeholder, and `\Q`, `\x` and the like, which reach further. */
const unsureInExpression = /[[|(]|^[*+?{]|\\(?![dDwWsSb])[A-Za-z0-9]|\\$/;

function haveOnly(choices: readonly Choice[], isPlain: (value: string) => boolean): boolean {
  return choices.every(({ values }) => values.every(isPlain));
}
