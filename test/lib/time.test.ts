import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromSeconds } from '../../src/lib/time.ts';
import { authenticationTime } from '../../src/sign-in/connector.ts';

test('a time of a JWT becomes whole milliseconds, whatever its fraction', () => {
  assert.equal(fromSeconds(1_800_000_000), 1_800_000_000_000);
  assert.equal(fromSeconds(1_800_000_000.1239), 1_800_000_000_123);
  assert.equal(authenticationTime(1_800_000_000.1239), 1_800_000_000_123);
});
