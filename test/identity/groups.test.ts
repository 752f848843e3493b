/** Groups of a claim: every shape that providers send, and what counts as unknown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readGroups } from '../../src/identity/groups.ts';

const read = (value: unknown) => readGroups({ groups: value }, 'groups', 'kc');

for (const [name, value, expected] of [
  ['a list', ['devs', '/ops/night'], ['kc:devs', 'kc:/ops/night']],
  ['one name', 'devs', ['kc:devs']],
  ['a comma list', 'devs, ops,,devs', ['kc:devs', 'kc:ops']],
  ['a name with commas in a list', ['cn=devs,ou=groups'], ['kc:cn=devs,ou=groups']],
  ['an empty list', [], []],
  ['an empty text', '', []],
  ['a claim to be in another group', ['google:admins'], ['kc:google:admins']],
  ['nothing', undefined, null],
  ['null', null, null],
  ['a number', 7, null],
  ['an object', { devs: true }, null],
  ['a list with something else in it', ['devs', { name: 'ops' }], null],
  ['a name that is too long', ['devs', 'x'.repeat(257)], null],
  ['a line break', ['devs\nops'], null],
  ['too many', Array.from({ length: 1_001 }, (_, index) => `g${index}`), null],
] as const) {
  test(`${name} is ${expected === null ? 'unknown' : JSON.stringify(expected)}`, () => {
    assert.deepEqual(read(value), expected);
  });
}

test('a path goes into nested claims; a claim whose name has dots is found first', () => {
  const claims = { realm_access: { roles: ['a'] }, 'https://example.com/groups': ['b'], 'realm_access.other': ['c'] };
  assert.deepEqual(readGroups(claims, 'realm_access.roles', 'kc'), ['kc:a']);
  assert.deepEqual(readGroups(claims, 'https://example.com/groups', 'kc'), ['kc:b']);
  assert.deepEqual(readGroups(claims, 'realm_access.other', 'kc'), ['kc:c']);
  assert.equal(readGroups(claims, 'realm_access.missing', 'kc'), null);
  assert.equal(readGroups(claims, 'realm_access.roles.length', 'kc'), null);
  assert.equal(readGroups(claims, 'constructor.name', 'kc'), null);
});

test("Entra ID's overage, where the claim is replaced by a pointer, is unknown", () => {
  const claims = { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://graph.example' } } };
  assert.equal(readGroups(claims, 'groups', 'entra'), null);
  assert.equal(readGroups({ hasgroups: true }, 'groups', 'entra'), null);
});
