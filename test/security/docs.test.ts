/** That each test which docs/security.md leans on is there, under that name. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const table = readFileSync('docs/security.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| threat') && !line.startsWith('| ---'));

test('each threat names a file with the test that covers it', () => {
  assert.ok(table.length > 15);
  for (const line of table) {
    const [, threat = '', , proof = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    const parts = [...proof.matchAll(/`([^`]+\.ts)`: ((?:"(?:[^"\\]|\\.)+"(?:, )?)+)/g)];
    assert.ok(parts.length > 0, `${threat}: ${proof}`);
    for (const [, file = '', names = ''] of parts) {
      const source = readFileSync(file, 'utf8').replaceAll("\\'", "'");
      for (const [name] of names.matchAll(/"(?:[^"\\]|\\.)+"/g)) {
        const title = name.slice(1, -1).replaceAll('\\"', '"');
        assert.ok(source.includes(title), `${threat}: ${file} has no "${title}"`);
      }
    }
  }
});
