/** Owns how a text is written in a shell, so that it stays one word and nothing in it is run. */

/** In single quotes, between which a POSIX shell reads everything as it is. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
