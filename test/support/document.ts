/** Owns the examples in the documentation, as tests run them. */
import { readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);

/** The fenced blocks of one language. @param file "docs/operating.md" @param also those within lists, too */
export function blocksOf(file: string, language: string, { indented = false } = {}): string[] {
  const text = readFileSync(new URL(file, root), 'utf8');
  const start = indented ? '^ *' : '^';
  const fence = new RegExp(`${start}\`\`\`${language}\\n(.*?)${start}\`\`\`$`, 'gms');
  return [...text.matchAll(fence)].map(([, block = '']) => block);
}
