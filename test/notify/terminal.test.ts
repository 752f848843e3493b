/** What the owner of a terminal is told where a code or a secret came from two. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NoticeParts } from '../../src/notify/notice.ts';
import { noticeOf } from '../../src/notify/notices.ts';
import { account } from '../support/rows.ts';

test('the owner of a terminal that two used is told, soon', async () => {
  const notice = noticeOf('terminal.copied') ?? assert.fail();
  assert.deepEqual([notice.readers, notice.class], ['owner', 'security']);
  const ana = account({});
  const detail = { id: 'm1', name: 'laptop at registry.example.com', reason: 'an old secret of it was used' };
  const rest = { at: 0, actor: '', subject: ana.login, address: '203.0.113.9', client: 'curl/8', ownerId: ana.id };
  // It reads nothing: what it says is in the event.
  const line = await notice.say({} as NoticeParts, { ...rest, detail }, ana);
  assert.match(
    line?.text ?? '',
    /laptop at registry\.example\.com.* was signed out on .*: an old secret of it was used\./,
  );
});
