/** Which groups of a provider a policy names, so that its directory is asked about each. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePolicy } from '../../src/policy/acl.ts';
import { providerGroups } from '../../src/policy/provider-groups.ts';

const policy = parsePolicy(
  `
groups:
  developers: ["google:dev@example.com", "keycloak:dev", ana@example.com, "domain:google:x"]
  staff: [developers, "google:staff@example.com"]
acl:
  - {match: {group: ["google:ops@example.com", developers, "google:guests-*"]}, actions: []}
  - {match: {group: "google:dev@example.com", name: "google:not-a-group"}, actions: []}
  - {match: {group: ["/^google:x/", "google:\${user}", "google:a?", "google:[ab]", 'google:\\a', "xgoogle:b", "google"]}, actions: []}
`,
  'policy.yml',
);

test('those of rules and of groups of the file, each once, without the prefix; patterns name none', () => {
  assert.deepEqual(providerGroups(policy, 'google'), ['ops@example.com', 'dev@example.com', 'staff@example.com']);
  assert.deepEqual(providerGroups(policy, 'keycloak'), ['dev']);
  assert.deepEqual(providerGroups(policy, 'gitlab'), []);
});
