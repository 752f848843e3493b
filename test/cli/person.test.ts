/** What `dockpass person ...` and `dockpass revocation ...` take for a moment. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../src/cli/command.ts';
import { readTime } from '../../src/cli/person.ts';

test('a day is its first moment in UTC, and one that is in no calendar is refused: more would be revoked than is meant', (t) => {
  const zone = process.env['TZ'];
  process.env['TZ'] = 'Asia/Kathmandu';
  t.after(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });
  const read = (text: string) => readTime({ 'created-before': text }, 'created-before');
  assert.equal(read('2024-02-29'), Date.UTC(2024, 1, 29));
  for (const text of ['2026-11-01T10:30:00Z', '2026-11-01T10:30', '2026-11-01 10:30:00', '2026-11-01T12:30+02:00']) {
    assert.equal(read(text), Date.UTC(2026, 10, 1, 10, 30), text);
  }
  for (const text of ['2026-02-30', '2026-02-30T10:30:00Z', '2025-02-29', '2026-13-01', '2026-11-01x', 'today', '']) {
    assert.throws(() => read(text), UsageError, text);
  }
});
