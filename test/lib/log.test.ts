/** The log is one stream, however many parts of a process open it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

test('logs that are opened again and again cost no listener, and their lines come whole and in order', () => {
  const program = `
    const { createLog } = await import(${JSON.stringify(new URL('../../src/lib/log.ts', import.meta.url).href)});
    for (let count = 0; count < 30; count++) createLog('info').info({ count }, 'line');
    createLog('info').info({ listeners: process.listenerCount('exit') }, 'last');`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.equal(stderr, '');
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.slice(0, -1).map(({ count }) => count),
    Array.from({ length: 30 }, (_, count) => count),
  );
  assert.equal(lines.at(-1).listeners, 1);
});
