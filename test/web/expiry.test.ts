/** What the choice of an expiry says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expiryChoice } from '../../src/web/expiry.ts';

test('one day isn’t called "1 days"', () => {
  const labels = (maximumDays: number) => expiryChoice(maximumDays, 0).lifetimes.map(({ label }) => label);
  assert.deepEqual(labels(1), ['1 day']);
  assert.deepEqual(labels(365), ['7 days', '30 days', '90 days', '1 year']);
});
