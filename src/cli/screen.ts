/** Owns what a terminal shows and a pipe doesn't: color, aligned columns with headers, progress. */
import type { Screen, Terminal } from './command.ts';

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

const segmenter = new Intl.Segmenter();

/** Characters as people count them: an accent or an emoji of several code points is one. */
function widthOf(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : [...segmenter.segment(text)].length;
}

/** Milliseconds between two views of the progress: more would only cost time. */
const pause = 100;

/** Shows how far long work is, where someone looks; `end` removes it. */
export function startProgress({ showProgress }: Terminal): { at(text: string): void; end(): void } {
  let next = 0;
  return {
    at(text) {
      if (showProgress === undefined || performance.now() < next) return;
      next = performance.now() + pause;
      showProgress(text);
    },
    end: () => showProgress?.(''),
  };
}
