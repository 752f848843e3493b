/** docs/reference is what the code says, and docs/README.md lists every page. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runProgram } from './support/process.ts';

test('the pages of docs/reference are up to date', async () => {
  const { code, output } = await runProgram(process.execPath, ['script/reference.ts', '--check']);
  assert.equal(code, 0, output);
});

test('the index lists every page of the docs, in one of its four parts', () => {
  const index = readFileSync('docs/README.md', 'utf8');
  const parts = index.split(/^## /m).slice(1);
  assert.deepEqual(
    parts.map((part) => part.split('\n')[0]),
    ['Get started', 'Guides', 'Reference', 'Explanation'],
  );
  const pages = globSync('docs/**/*.md').map((page) => page.slice('docs/'.length));
  const unlisted = pages.filter((page) => page !== 'README.md' && !parts.some((part) => part.includes(`](${page})`)));
  assert.deepEqual(unlisted, []);
});
