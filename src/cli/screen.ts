/** Owns what a terminal shows and a pipe doesn't: color, and aligned columns with headers; and what it never shows. */
import type { Screen } from './command.ts';

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;

/** The text in a color or weight, where the screen has any. */
export function paint(text: string, style: keyof typeof codes, screen: Screen | undefined): string {
  return screen?.color === true ? `\u001b[${codes[style]}m${text}\u001b[0m` : text;
}

export const bold = (text: string, screen: Screen | undefined): string => paint(text, 'bold', screen);

/** A screen if the stream is a terminal. NO_COLOR (no-color.org) and TERM=dumb turn color off. */
export function screenOf(
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  environment: Readonly<Record<string, string | undefined>>,
): Screen | undefined {
  if (stream.isTTY !== true) return undefined;
  return { columns: stream.columns ?? 80, color: !environment['NO_COLOR'] && environment['TERM'] !== 'dumb' };
}

/**
 * Replaces the last line of the terminal, cut to its width: what wraps can't be taken back. `undefined` where the stream is none,
 * or can't go back in a line.
 */
export function progressOn(
  stream: { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown },
  environment: Readonly<Record<string, string | undefined>>,
): ((text: string) => void) | undefined {
  if (stream.isTTY !== true || environment['TERM'] === 'dumb') return undefined;
  return (text) => stream.write(`\r\u001b[K${visible(text).slice(0, (stream.columns || 80) - 1)}`);
}

/** Aligned under the titles; the last column isn't filled up. */
export function formatTable(titles: readonly string[], rows: readonly (readonly string[])[], screen: Screen): string[] {
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => widthOf(row[column] ?? ''))),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell))))
      .join('  ')
      .trimEnd();
  return [bold(line(titles), screen), ...rows.map(line)];
}

/** Made for the first name that needs it: ICU's data would be a fiftieth of each start. */
let segmenter: Intl.Segmenter | undefined;

/** Characters as people count them: an accent or an emoji of several code points is one. */
function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  segmenter ??= new Intl.Segmenter();
  return [...segmenter.segment(text)].length;
}

/** What a terminal obeys or no one sees, but for line ends and tabs. */
const invisible = /(?![\n\t])[\p{Cc}\p{Cf}]/gu;

/** Text as people can be shown it: strangers choose names, user agents and what providers answer. */
export function visible(text: string): string {
  return text.replaceAll(invisible, '');
}

const paintCode = /(\p{Cc}\[(?:0|1|2|31|32|33)m)/u;

/** The same, with the codes of `paint`. */
export function visibleInColor(text: string): string {
  return text
    .split(paintCode)
    .map((part) => (part.startsWith('\u001b[') && paintCode.test(part) ? part : visible(part)))
    .join('');
}
