/** The log is one stream, however many parts of a process open it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { formatLogLine } from '../../src/lib/log-text.ts';

test('no line has a secret, or what a terminal obeys, wherever it comes from', () => {
  const program = `
    const { createLog } = await import(${JSON.stringify(new URL('../../src/lib/log.ts', import.meta.url).href)});
    const secret = 'dkp_' + 'a'.repeat(36);
    const log = createLog('info');
    log.info({ asked: ['repository:' + secret + ':pull', 'repository:d\\u200bkp_aaaaaaaaaaaa:pull'] }, 'token');
    log.info({ reason: 'unknown service "\\u009b31m\\u202ex"', deep: { err: secret } }, secret);
    log.error({ err: new Error(secret) }, 'failed');
    for (const before of ['\\n', '\\t', '\\u0000', '_', 'x\\u007f', '%20', '%3A']) log.info({ reason: before + secret }, 'line');
    log.info({ path: '/x/' + secret.replace('_', '%5F') }, 'line');
    log.info({ name: 'Zoë 한국' }, 'line');`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.equal(stderr, '');
  assert.doesNotMatch(stdout, /dkp(?:_|%5F)a|\u009b|\u202e|\u200b/);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(lines[0].asked, ['repository:dk?_…:pull', 'repository:dk?_…:pull']);
  assert.equal(lines.at(-1).name, 'Zoë 한국');
});

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

test('as text a line has time, level, message and fields, and nothing that a terminal obeys or that passes for a field', () => {
  const line = (fields: object) =>
    `${JSON.stringify({ level: 'warn', time: '2026-11-30T14:03:12.345Z', ...fields })}\n`;
  assert.equal(
    formatLogLine(line({ url: 'http://x', count: 2, reason: 'a b="c"', none: '', msg: 'listening' }), false),
    '14:03:12  warn   listening  url=http://x  count=2  reason="a b=\\"c\\""  none=""\n',
  );
  const evil = formatLogLine(
    line({ account: '\u001b[31mx\u009b\u202e level=info', deep: { a: '\u001b\n' }, msg: 'a\nb' }),
    false,
  );
  assert.equal(evil, '14:03:12  warn   ab  account="[31mx level=info"  deep={"a":"\\u001b\\n"}\n');
  const failed = formatLogLine(line({ err: { message: 'no', stack: 'Error: no\n    at x' }, msg: 'failed' }), true);
  assert.equal(failed, '14:03:12  \u001b[33mwarn \u001b[0m  failed\n    Error: no\n        at x\n');
});

test('lines of one turn with more than is kept for a full output are all written', () => {
  const program = `
    const { createLog } = await import(${JSON.stringify(new URL('../../src/lib/log.ts', import.meta.url).href)});
    const log = createLog('info');
    for (let count = 0; count < 30; count++) log.info({ count, text: '한'.repeat(50_000) }, 'line');
    log.info({ text: '😀'.repeat(400_000) }, 'long');`;
  const options = { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], options);
  const lines = stdout.split('\n').filter((line) => line !== '');
  assert.equal(lines.map((line) => JSON.parse(line)).length, 31);
  assert.equal(JSON.parse(lines[30] ?? '').text, '😀'.repeat(400_000));
});
