/** Groups of a claim: every shape that providers send, and what counts as unknown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readGroups } from '../../src/sign-in/group-claim.ts';

const read = (value: unknown) => readGroups({ groups: value }, { path: 'groups', prefix: 'kc' });
const readAt = (claims: object, path: string) => readGroups(claims, { path, prefix: 'kc' });

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
  assert.deepEqual(readAt(claims, 'realm_access.roles'), ['kc:a']);
  assert.deepEqual(readAt(claims, 'https://example.com/groups'), ['kc:b']);
  assert.deepEqual(readAt(claims, 'realm_access.other'), ['kc:c']);
  assert.equal(readAt(claims, 'realm_access.missing'), null);
  assert.equal(readAt(claims, 'realm_access.roles.length'), null);
  assert.equal(readAt(claims, 'constructor.name'), null);
  const keycloak = { resource_access: { 'registry.example.com': { roles: ['d'] }, registry: { roles: ['other'] } } };
  assert.deepEqual(readAt(keycloak, 'resource_access.registry.example.com.roles'), ['kc:d'], 'of a client with dots');
  assert.equal(readAt(keycloak, 'resource_access.registry.example.com'), null);
  assert.equal(readAt({ a: { b: {} }, 'a.b': { c: ['d'] } }, 'a.b.c')?.[0], 'kc:d');
  assert.equal(readAt({}, 'a.'.repeat(30)), null);
});

test("Entra ID's overage, where the claim is replaced by a pointer, is unknown", () => {
  const claims = { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://graph.example' } } };
  assert.equal(readAt(claims, 'groups'), null);
  assert.equal(readAt({ hasgroups: true }, 'groups'), null);
});

test('only names that are allowed count, and only they count against the limits', () => {
  const claim = { path: 'groups', prefix: 'sso', allow: (name: string) => name.startsWith('registry-') };
  const many = Array.from({ length: 5_000 }, (_, index) => `other-${index}`);
  assert.deepEqual(readGroups({ groups: ['registry-dev', ...many] }, claim), ['sso:registry-dev']);
  assert.deepEqual(readGroups({ groups: many }, claim), [], 'known, and none');
});
