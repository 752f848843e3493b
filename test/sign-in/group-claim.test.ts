/** Groups of a claim: every form that providers send, read as it's configured, exactly as sent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type GroupsClaim, readGroups } from '../../src/sign-in/group-claim.ts';
import { groupsClaim } from '../support/sent.ts';

/** The groups, or why there are none. */
function read(value: unknown, changes: Partial<GroupsClaim> = {}): readonly string[] | string {
  return outcomeOf({ groups: value }, groupsClaim('groups', 'kc', changes));
}

function outcomeOf(claims: object, claim: GroupsClaim): readonly string[] | string {
  const reading = readGroups(claims, claim);
  if (reading.kind === 'groups') return reading.groups;
  return reading.kind === 'missing' ? 'missing' : reading.reason;
}

for (const [name, value, expected] of [
  ['a list', ['devs', '/ops/night'], ['kc:devs', 'kc:/ops/night']],
  ['one name', 'devs', ['kc:devs']],
  ['one name with commas', 'CN=devs,OU=Groups,DC=example', ['kc:CN=devs,OU=Groups,DC=example']],
  ['a name with commas in a list', ['CN=devs,OU=Groups'], ['kc:CN=devs,OU=Groups']],
  ['a name with spaces around it', [' admins '], ['kc: admins ']],
  ['a JSON list in a text', '["devs"]', ['kc:["devs"]']],
  ['a list with one name twice', ['devs', 'devs'], ['kc:devs']],
  ['an empty list', [], []],
  ['an empty text', '', []],
  ['a claim to be in another group', ['google:admins'], ['kc:google:admins']],
  ['nothing', undefined, 'missing'],
  ['null', null, 'missing'],
  ['a number', 7, 'a number'],
  ['an object', { devs: true }, 'an object'],
  ['a list with something else in it', ['devs', { name: 'ops' }], 'a list with something else than names in it'],
  ['a name that is too long', ['devs', 'x'.repeat(257)], 'more than 1000 groups, or a name that no group can have'],
  ['a line break', ['devs\nops'], 'more than 1000 groups, or a name that no group can have'],
] as const) {
  test(`${name} is ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(read(value), expected);
  });
}

test('a text is split by the configured separator alone, and nothing is trimmed', () => {
  assert.deepEqual(read('guests,admins', { separator: ',' }), ['kc:guests', 'kc:admins']);
  assert.deepEqual(read('guests, admins,', { separator: ',' }), ['kc:guests', 'kc: admins']);
  assert.deepEqual(read('guests, admins', { separator: ', ' }), ['kc:guests', 'kc:admins']);
  assert.deepEqual(read('guests,admins', { separator: ' ' }), ['kc:guests,admins']);
  assert.deepEqual(read(['guests,admins'], { separator: ',' }), ['kc:guests,admins'], 'a list is a list already');
});

test('a JSON list in a text is read where that is configured', () => {
  assert.deepEqual(read('["devs","ops, night"]', { format: 'json' }), ['kc:devs', 'kc:ops, night']);
  for (const value of ['devs', '{"devs":1}', '[1]', '["devs"', ['devs'], 7]) {
    assert.match(
      String(read(value, { format: 'json' })),
      /not a text with a JSON list of names$/,
      JSON.stringify(value),
    );
  }
});

test('the keys of an object are read where that is configured', () => {
  const zitadel = { devs: { org1: 'example.com' }, ops: { org1: 'example.com' } };
  assert.deepEqual(read(zitadel, { format: 'keys' }), ['kc:devs', 'kc:ops']);
  assert.deepEqual(read({}, { format: 'keys' }), []);
  for (const value of ['devs', ['devs'], 7]) {
    assert.match(String(read(value, { format: 'keys' })), /not an object with the groups as keys$/);
  }
});

test('a list comes through as it was sent, name by name', () => {
  const name = fc.string({ minLength: 1, maxLength: 256 }).filter((text) => !/\p{Cc}/u.test(text));
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 20 }), (names) => {
      assert.deepEqual(
        read(names),
        names.map((text) => `kc:${text}`),
      );
    }),
  );
});

test('one text with commas is noticed, unless its separator is configured', () => {
  const hasCommas = (value: unknown, changes: Partial<GroupsClaim> = {}) => {
    const reading = readGroups({ groups: value }, groupsClaim('groups', 'kc', changes));
    return reading.kind === 'groups' && reading.hasCommas;
  };
  assert.equal(hasCommas('a,b'), true);
  for (const value of ['a', ['a,b'], undefined]) assert.equal(hasCommas(value), false);
  assert.equal(hasCommas('a,b', { separator: ';' }), false);
});

test('a path goes into nested claims; a claim whose name has dots is found first', () => {
  const readAt = (claims: object, path: string) => outcomeOf(claims, groupsClaim(path, 'kc'));
  const claims = { realm_access: { roles: ['a'] }, 'https://example.com/groups': ['b'], 'realm_access.other': ['c'] };
  assert.deepEqual(readAt(claims, 'realm_access.roles'), ['kc:a']);
  assert.deepEqual(readAt(claims, 'https://example.com/groups'), ['kc:b']);
  assert.deepEqual(readAt(claims, 'realm_access.other'), ['kc:c']);
  assert.equal(readAt(claims, 'realm_access.missing'), 'missing');
  assert.equal(readAt(claims, 'realm_access.roles.length'), 'missing');
  assert.equal(readAt(claims, 'constructor.name'), 'missing');
  const keycloak = { resource_access: { 'registry.example.com': { roles: ['d'] }, registry: { roles: ['other'] } } };
  assert.deepEqual(readAt(keycloak, 'resource_access.registry.example.com.roles'), ['kc:d'], 'of a client with dots');
  assert.equal(readAt(keycloak, 'resource_access.registry.example.com'), 'an object');
  assert.deepEqual(readAt({ a: { b: {} }, 'a.b': { c: ['d'] } }, 'a.b.c'), ['kc:d']);
  assert.equal(readAt({}, 'a.'.repeat(30)), 'missing');
});

test("Entra ID's overage, where a pointer replaces the claim, is unreadable and not missing", () => {
  const claims = { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://graph.example' } } };
  const beside = [
    { ...claims, groups: [] },
    { ...claims, groups: ['a'] },
    { hasgroups: true, groups: ['a'] },
  ];
  for (const overage of [claims, { hasgroups: true }, { hasgroups: 'true' }, ...beside]) {
    assert.match(String(outcomeOf(overage, groupsClaim('groups', 'entra'))), /overage/, JSON.stringify(overage));
  }
  const ofRoles = (fields: object) => outcomeOf(fields, groupsClaim('roles', 'entra'));
  assert.deepEqual(ofRoles({ hasgroups: true, roles: ['a'] }), ['entra:a'], 'which says nothing of the roles');
  assert.match(String(ofRoles({ _claim_names: { roles: 'src1' }, roles: ['a'] })), /overage/);
  assert.deepEqual(outcomeOf({ hasgroups: false, groups: ['a'] }, groupsClaim('groups', 'entra')), ['entra:a']);
  assert.equal(outcomeOf({ _claim_names: { other: 'src1' } }, groupsClaim('groups', 'entra')), 'missing');
});

test('only names that are allowed count, and only they count against the limits', () => {
  const claim = groupsClaim('groups', 'sso', { allow: (name) => name.startsWith('registry-') });
  const many = Array.from({ length: 5_000 }, (_, index) => `other-${index}`);
  assert.deepEqual(outcomeOf({ groups: ['registry-dev', ...many] }, claim), ['sso:registry-dev']);
  assert.deepEqual(outcomeOf({ groups: many }, claim), [], 'known, and none');
  assert.match(String(read(many)), /more than 1000/);
});
