/** What the tests of pages rely on, who look at each width and each theme once, and not at each pair of them. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const files = globSync('views/static/*.css');

/** What the blocks contain whose condition fits. */
function blocksOf(file: string, condition: RegExp): string[] {
  // A block at the start of a line ends with the brace at the start of one.
  return [...readFileSync(file, 'utf8').matchAll(/^@media (?<condition>[^{]+)\{\n(?<block>.*?)^\}/gms)]
    .filter(({ groups }) => condition.test(groups?.['condition'] ?? ''))
    .map(({ groups }) => groups?.['block'] ?? '');
}

test('no width changes a colour', () => {
  const blocks = files.flatMap((file) => blocksOf(file, /width/));
  assert.ok(blocks.length > 10);
  for (const block of blocks) assert.doesNotMatch(block, /^\s*(?:background|color|background-color|opacity|fill):/m);
});

test('a theme changes the values of tokens, and nothing else', () => {
  const blocks = files.flatMap((file) => blocksOf(file, /prefers-color-scheme/));
  assert.equal(blocks.length, 1);
  const [, declarations = ''] = /^ {2}:root \{\n(.*)^ {2}\}\n$/ms.exec(blocks[0] ?? '') ?? [];
  const lines = declarations.split('\n').filter((line) => line.trim() !== '');
  assert.ok(lines.length > 20);
  for (const line of lines) assert.match(line, /^ {4}--(?!space|text|radius)[a-z-]+: [^;]+;$/);
});
