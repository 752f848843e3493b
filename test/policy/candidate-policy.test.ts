/** A candidate policy: which decisions it would change, and by which rules. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePolicy } from '../../src/policy/acl.ts';
import { differencesOf } from '../../src/policy/candidate-policy.ts';
import { decide } from '../../src/policy/decide.ts';
import { somebody } from './asking.ts';

const context = { service: 'registry', address: '10.0.0.7' };
const now = parsePolicy('acl:\n  - {match: {}, actions: [pull, push], comment: all}', 'policy.yml');
const ana = somebody('ana@example.com');
const decisions = ['team/app', 'other'].map((name) =>
  decide(now, ana, { type: 'repository', name, actions: ['push', 'pull'] }, context),
);

test('only what changes is reported, with both rules', () => {
  const candidate = parsePolicy('acl:\n\n  - {match: {name: "team/*"}, actions: ["*"]}', 'policy.yml');
  assert.deepEqual(differencesOf(candidate, ana, decisions, context), [
    {
      account: 'ana@example.com',
      scope: 'repository:other:push,pull',
      now: { granted: ['pull', 'push'], line: 2, comment: 'all' },
      candidate: { granted: [], line: null, comment: null },
    },
  ]);
});

test('the same actions by another rule are no difference', () => {
  const candidate = parsePolicy('acl: [{match: {kind: person}, actions: ["*"]}]', 'policy.yml');
  assert.deepEqual(differencesOf(candidate, ana, decisions, context), []);
});
