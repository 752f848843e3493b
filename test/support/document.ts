/** Owns the examples in the documentation, as tests run them. */
import { readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);

/** The fenced blocks of one language. @param file "docs/operating.md" */
export function blocksOf(file: string, language: string): string[] {
  const text = readFileSync(new URL(file, root), 'utf8');
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms');
  return [...text.matchAll(fence)].map(([, block = '']) => block);
}
