/** Owns how a command answers: for programs one JSON document, for people lines, a table on a terminal, a confirmation. */
import type { Terminal, Values } from './command.ts';
import { formatTable, visible, visibleInColor } from './screen.ts';

/** One result: the data for `--json`, the lines for everyone else. */
export function reply(terminal: Terminal, values: Values, data: unknown, lines: readonly string[]): void {
  if (values['json'] === true) terminal.out(JSON.stringify(data));
  else for (const line of lines) say(terminal, line);
}

/** A line for people, without what a terminal obeys also where it reaches one through a pipe (`| less -R`). */
export function say(terminal: Terminal, line: string): void {
  terminal.out(terminal.screen === undefined ? visible(line) : visibleInColor(line));
}

/** That something was done: `--quiet` doesn't need to read it. */
export function confirm(terminal: Terminal, values: Values, data: unknown, sentence: string): void {
  reply(terminal, values, data, values['quiet'] === true ? [] : [sentence]);
}

/** What is said beside a result, on standard error, to people. */
export function note(terminal: Terminal, values: Values, line: string): void {
  if (values['json'] !== true && values['quiet'] !== true) terminal.err(line);
}

/** The note of a removal without `--yes`. */
export const nothingRemoved = "Nothing was removed. With --yes, all of it is; this can't be undone.";

/** A secret that is shown once, alone on standard output so that a pipe can take it. */
export function replySecret<Data extends { readonly secret: string }>(
  terminal: Terminal,
  values: Values,
  data: Data,
  about: string,
): void {
  note(terminal, values, about);
  reply(terminal, values, data, [data.secret]);
}

export type Column<Row> = readonly [title: string, of: (row: Row) => string];

/**
 * A list: a table with headers on a terminal, in a pipe one line for each row with two spaces between the fields.
 * @param none what is said where there are no rows
 */
export function replyList<Row>(
  terminal: Terminal,
  values: Values,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  none: string | null,
): void {
  if (values['json'] === true) terminal.out(JSON.stringify(rows));
  else if (rows.length > 0) writeRows(terminal, values, rows, columns);
  else if (none !== null) note(terminal, values, none);
}

function writeRows<Row>(
  terminal: Terminal,
  values: Values,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
): void {
  const cells = rows.map((row) => columns.map(([, of]) => cellOf(of(row))));
  const { screen } = terminal;
  const hasTable = screen !== undefined && values['quiet'] !== true;
  const lines = hasTable
    ? formatTable(
        columns.map(([title]) => title),
        cells,
        screen,
      )
    : cells.map(plainLine);
  for (const line of lines) terminal.out(line);
}

const plainLine = (cells: readonly string[]): string => cells.join('  ').trimEnd();

/** In one line. */
const cellOf = (text: string): string => visible(text).replaceAll(/[\n\t]/g, ' ');
