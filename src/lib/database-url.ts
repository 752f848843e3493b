/** Owns what a database URL can be: `sqlite:PATH` or `postgres://...`. */

const sqlite = 'sqlite:';

/** Whether the text begins as one does. */
export function isDatabaseUrl(text: string): boolean {
  return /^(?:sqlite:.|postgres(?:ql)?:\/\/)/.test(text);
}

/** The path of the file; `null` for another engine. */
export function sqliteFileOf(url: string): string | null {
  return url.startsWith(sqlite) ? url.slice(sqlite.length) : null;
}

export function sqliteUrlOf(file: string): string {
  return sqlite + file;
}
