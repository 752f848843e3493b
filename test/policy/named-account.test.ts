/** Who an operator means by a name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePolicy } from '../../src/policy/acl.ts';
import { identityOf } from '../../src/policy/named-account.ts';

const { users } = parsePolicy('users: {"": {}, ci: {labels: {a: [b]}}, x@y.z: {}}\nacl: []', 'policy.yml');

test('an e-mail is a person of its domain, in lower case', () => {
  const { kind, account, email, domain } = identityOf(users, { account: 'Ana@Example.com' });
  assert.deepEqual([kind, account, email, domain], ['person', 'ana@example.com', 'ana@example.com', 'example.com']);
});

test('a user of the file is static, with its labels, also where the name looks like an e-mail', () => {
  const { kind, labels, domain } = identityOf(users, { account: 'ci' });
  assert.deepEqual([kind, labels, domain], ['static', { a: ['b'] }, null]);
  assert.deepEqual(
    [identityOf(users, { account: 'x@y.z' }).kind, identityOf(users, { account: 'x@y.z' }).email],
    ['static', null],
  );
});

test('no name is anonymous if the file has the user ""; otherwise it gets nothing', () => {
  const known = identityOf(users, { account: '' });
  assert.deepEqual([known.kind, known.limits, known.groups], ['anonymous', null, []]);
  assert.deepEqual(identityOf(new Map(), { account: '' }).limits?.actions, []);
  assert.equal(identityOf(new Map(), { account: 'ci' }).limits, null);
});

test('an @ at the beginning is an e-mail too, without a name', () => {
  const { kind, email, domain } = identityOf(users, { account: '@example.com' });
  assert.deepEqual([kind, email, domain], ['person', '@example.com', 'example.com']);
  assert.equal(identityOf(users, { account: 'a@b@example.com' }).domain, 'example.com');
});

test('given facts win over the name, also that there is no domain', () => {
  const named = {
    account: 'ana@example.com',
    kind: 'robot',
    domain: null,
    groups: ['g'],
    labels: { l: ['v'] },
  } as const;
  const { kind, domain, groups, labels } = identityOf(users, named);
  assert.deepEqual([kind, domain, groups, labels], ['robot', null, ['g'], { l: ['v'] }]);
});
