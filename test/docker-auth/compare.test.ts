/** The comparison of a policy with docker_auth's log: which lines are decisions, and which differ. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareDecisions, formatDifference } from '../../src/docker-auth/compare.ts';
import { readDecisions } from '../../src/docker-auth/decision-log.ts';
import { parsePolicy } from '../../src/policy/acl.ts';

/** As docker_auth writes it at its default level. */
function tokenLine(who: string, address: string, scopes: string, labels: string, access: object[]): string {
  const claims = JSON.stringify({ iss: 'Acme', sub: who, aud: 'registry', exp: 1, nbf: 1, iat: 1, jti: '1', access });
  return `I1123 09:16:01.123456       1 server.go:471] New token for {${who}:***@${address} [${scopes}]} map[${labels}]: ${claims}`;
}

const pulled = { type: 'repository', name: 'ana@example.com/x', actions: ['pull'] };
const denied = { type: 'repository', name: 'other', actions: [] };
const two = tokenLine(
  'ana@example.com',
  '10.0.0.7:51234',
  '{repository  ana@example.com/x [pull push]} {repository  other [pull]}',
  'team:[web ops] tier:[prod]',
  [pulled, denied],
);

test('a line of the log has the decisions of a token', () => {
  const shared = {
    account: 'ana@example.com',
    type: 'repository',
    service: 'registry',
    ip: '10.0.0.7',
    labels: { team: ['web', 'ops'], tier: ['prod'] },
  };
  assert.deepEqual(readDecisions(two), [
    { request: { ...shared, name: 'ana@example.com/x', actions: ['pull', 'push'] }, granted: ['pull'] },
    { request: { ...shared, name: 'other', actions: ['pull'] }, granted: [] },
  ]);
});

test('addresses come with and without a port', () => {
  const ipOf = (address: string) =>
    readDecisions(tokenLine('a', address, '{repository  x [pull]}', '', [pulled]))[0]?.request.ip;
  assert.deepEqual(['[2001:db8::1]:443', '2001:db8::1', '10.0.0.7'].map(ipOf), [
    '2001:db8::1',
    '2001:db8::1',
    '10.0.0.7',
  ]);
});

test('lines of another kind hold no decision', () => {
  for (const line of ['', 'I1123 Listening on :5001', '{"acl":[]}', '{', 'New token for {a:***@b []} map[]: {broken']) {
    assert.deepEqual(readDecisions(line), []);
  }
  assert.deepEqual(readDecisions(tokenLine('a', 'b:1', '', '', [])), []);
});

const configuration = 'acl: [{match: {name: "team/*"}, actions: [pull]}]';

/** A log that comes in one piece. */
async function* of(lines: readonly string[]) {
  yield lines;
}

test('each difference is reported once, with both outcomes', async () => {
  const policy = parsePolicy('acl:\n  - {match: {name: "ana@example.com/*"}, actions: ["*"]}', 'policy.yml');
  const { differences, compared, skipped } = await compareDecisions(
    configuration,
    policy,
    of([two, two, 'no decision']),
  );
  assert.deepEqual([compared, skipped], [4, 1]);
  assert.deepEqual(
    [...differences.values()].map((difference) => formatDifference(difference, 'policy.yml')),
    [
      'ana@example.com repository:ana@example.com/x:pull,push from 10.0.0.7: docker_auth granted pull, the policy pull,push (policy.yml:2), 2 times',
    ],
  );
});

test('a line without a decision is decided by the configuration of docker_auth', async () => {
  const line = JSON.stringify({ request: { account: '', type: 'repository', name: 'team/app', actions: ['pull'] } });
  const policy = parsePolicy('acl: []', 'policy.yml');
  const { differences } = await compareDecisions(configuration, policy, of([line]));
  const [difference] = differences.values();
  assert.ok(difference);
  assert.equal(
    formatDifference(difference, 'policy.yml'),
    'anonymous repository:team/app:pull: docker_auth granted pull, the policy nothing (no rule)',
  );
});

test('scalars of the ACL are compared as they are written, merged ones too', async () => {
  const acl = `
acl:
  - match: &first {type: repository, account: ~, name: 1.10}
    actions: [yes]
  - match: {name: 012}
    actions: [pull]
  - match: {<<: *first, name: 2001-01-01}
    actions: [pull]
`;
  const lines = ['012', '1.10', '2001-01-01'].map((name) =>
    JSON.stringify({ request: { account: 'a', type: 'repository', name, labels: null, actions: ['pull', 'yes'] } }),
  );
  const { differences } = await compareDecisions(acl, parsePolicy('acl: []', 'policy.yml'), of(lines));
  assert.deepEqual(
    [...differences.values()].map(({ request, before }) => [request.name, before]),
    [
      ['012', ['pull']],
      ['1.10', ['yes']],
      ['2001-01-01', ['pull']],
    ],
  );
});

test('tags and keys that are there twice are read as docker_auth reads them', async () => {
  const acl = `
acl:
  - match: {account: !!binary aGVsbG8=, "1": x, 1: y}
    actions: !!seq [pull]
  - match: {account: !!int 5, labels: {"1": x, 1: y}}
    actions: [!!str 5]
`;
  const labels = { 1: ['y'] };
  const lines = ['hello', '5'].map((account) =>
    JSON.stringify({ request: { account, type: 'repository', name: 'a', labels, actions: ['pull', '5'] } }),
  );
  const { differences } = await compareDecisions(acl, parsePolicy('acl: []', 'policy.yml'), of(lines));
  assert.deepEqual(
    [...differences.values()].map(({ request, before }) => [request.account, before]),
    [
      ['hello', ['pull']],
      ['5', ['5']],
    ],
  );
});

for (const [title, text, message] of [
  ['would not start with', 'acl: [{match: {name: "/(/"}, actions: []}]', /cannot decide on a .*missing closing/],
  ['crashes with', 'acl: [{match: {}}]', /cannot decide on a .*the rule that matches has no actions/],
  ['cannot read', 'acl: [', /isn't YAML/],
  ['cannot resolve', 'acl: [{match: {name: *foo}, actions: []}]', /can't be read: the alias \*foo refers to nothing/],
  ['cannot end reading', 'acl: &a [*a]', /can't be read: the alias \*a is inside of what it refers to/],
] as const) {
  test(`a configuration that docker_auth ${title} is an error, not "granted nothing"`, async () => {
    const line = JSON.stringify({ request: { account: 'a', type: 'repository', name: 'x', actions: ['pull'] } });
    await assert.rejects(compareDecisions(text, parsePolicy('acl: []', 'policy.yml'), of([line])), { message });
  });
}
