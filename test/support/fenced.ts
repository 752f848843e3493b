/** Owns how the blocks of code on a Markdown page are read. */

export type Fenced = {
  /** "sh", "yaml policy.yml", or ''. */
  readonly language: string;
  /** Without the indentation that it has in a list. */
  readonly text: string;
  /** Where it begins, from 1. */
  readonly line: number;
};

export function fencedIn(page: string): Fenced[] {
  return [...page.matchAll(/^( *)```(.*)\n([\s\S]*?)^ *```$/gm)].map(
    ({ index, 1: indent = '', 2: language = '', 3: text = '' }) => ({
      language,
      text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      line: page.slice(0, index).split('\n').length,
    }),
  );
}
