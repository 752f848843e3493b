/** `dockpass policy check|explain|test` with workloads: the same answers as the realm's, with reasons. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { checkIssuer } from '../../src/workload/check-issuer.ts';
import { fetchText } from '../../src/workload/fetch-text.ts';
import { createInstallation, type Installation } from '../support/installation.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { githubFile, recordedClaims, workloadsOf } from '../support/workload.ts';

const policyText = `
users: { "": {} }
acl:
  - match: { kind: ci, group: deployers, name: "acme/**" }
    actions: [pull, push]
    comment: CI deploys
  - match: { account: "/.+/" }
    actions: [pull]
`;

let installation: Installation;
let issuer: TestIssuer;
const write = (name: string, text: string) => writeFile(join(installation.folder, name), text);

before(async () => {
  issuer = await startIssuer();
  installation = createInstallation();
  await write('policy.yml', policyText);
  await write('workloads.yml', githubFile);
  await write('claims.json', JSON.stringify(recordedClaims.github));
});
after(async () => {
  installation.remove();
  await issuer.stop();
});

test('policy check says what each workload rule is granted, and which policy rules cover CI unasked', async () => {
  const { code, output } = await installation.run(['policy', 'check']);
  assert.equal(code, 0, output);
  assert.match(output, /workloads.yml is valid: 1 issuer, 1 rule/);
  assert.match(output, /rules\[1\] \(line 5\) "Release builds of the web shop": line 4 pull, push/);
  assert.match(output, /policy.yml:7:\d+: warning: rule 2 covers workloads too/);
  assert.doesNotMatch(output, /nothing defines the group/);
});

test('policy check names the mistakes of both files', async () => {
  await write('broken.yml', 'acl: [{match: {acount: x}, actions: []}]');
  await write('broken-workloads.yml', 'issuers: { github: { preset: githb } }\nrules: []');
  const { code, output } = await installation.run([
    'policy',
    'check',
    'broken.yml',
    '--workloads',
    'broken-workloads.yml',
  ]);
  assert.equal(code, 1);
  assert.match(output, /broken.yml:1:\d+: unknown key "acount"/);
  assert.match(output, /broken-workloads.yml:1:\d+: preset "githb" .*did you mean "github"/);
});

test('a name that a user of the policy file has is refused, whichever file changed', async () => {
  for (const name of ['github', 'oidc']) {
    await write('taken.yml', `users: { ${name}: {} }\nacl: []`);
    const { code, output } = await installation.run(['policy', 'check', 'taken.yml']);
    assert.equal(code, 1);
    assert.match(output, new RegExp(`workloads.yml:\\d+:\\d+: .*"${name}"`));
  }
});

test('a raw rule that uses a label from claims is refused', async () => {
  await write(
    'labels.yml',
    githubFile.replace('groups: [deployers]', 'labels: { owner: "${claims:repository_owner_id}" }'),
  );
  await write('raw.yml', 'acl: [{match: {name: "${labels:owner}/**"}, actions: ["*"], raw: true}]');
  const { code, output } = await installation.run(['policy', 'check', 'raw.yml', '--workloads', 'labels.yml']);
  assert.equal(code, 1);
  assert.match(output, /raw.yml:1:\d+: rule 1 is raw and uses the label "owner"/);
  await write('raw.yml', 'acl: [{match: {name: "${labels:owner}/**"}, actions: ["*"]}]');
  assert.equal((await installation.run(['policy', 'check', 'raw.yml', '--workloads', 'labels.yml'])).code, 0);
});

test('policy explain --claims goes from the claims to the decision', async () => {
  const { code, output } = await installation.run([
    'policy',
    'explain',
    'repository:acme/web:push',
    '--claims',
    'claims.json',
  ]);
  assert.equal(code, 0, output);
  assert.match(output, /issuer github, run 4711: let in by rules\[1\] \(.*workloads.yml:5\): "Release builds/);
  assert.match(output, /ci:github:acme\/web \(ci\) asks for repository:acme\/web:push/);
  assert.match(output, /deployers \(from the workloads file\)/);
  assert.match(output, /granted: push/);
});

test('policy explain --claims names the conditions that failed', async () => {
  await write(
    'fork.json',
    JSON.stringify({ ...recordedClaims.github, event_name: 'pull_request_target', ref: undefined }),
  );
  const { code, output } = await installation.run([
    'policy',
    'explain',
    'repository:acme/web:push',
    '--claims',
    'fork.json',
  ]);
  assert.equal(code, 1);
  assert.match(output, /event_name "push" or "workflow_dispatch" does not match pull_request_target/);
  assert.match(output, /ref "refs\/heads\/main" or "refs\/tags\/v\*": there is none/);
});

test('policy explain --token verifies the token as the realm does', async () => {
  const file = `issuers: { ci: { preset: oidc, issuer: "${issuer.url}" } }
rules: [{ issuer: ci, match: { sub: me }, account: "ci:me", groups: [deployers] }]`;
  await write('token-workloads.yml', file);
  const environment = { WORKLOADS_FILE: join(installation.folder, 'token-workloads.yml') };
  const explain = async (claims: object) => {
    await write('token', await issuer.sign(claims));
    return installation.run(['policy', 'explain', 'repository:acme/web:push', '--token', 'token'], environment);
  };
  const good = await explain({ aud: 'http://localhost:5001', sub: 'me' });
  assert.equal(good.code, 0, good.output);
  assert.match(good.output, /granted: push/);
  const elsewhere = await explain({ aud: 'https://elsewhere.example.com', sub: 'me' });
  assert.equal(elsewhere.code, 1);
  assert.match(
    elsewhere.output,
    /refused: The token is for another audience, or for several\.\n {2}ask for one with only the audience http:\/\/localhost:5001\n/,
  );
  const other = await explain({ aud: 'http://localhost:5001', sub: 'you' });
  assert.match(other.output, /refused: No rule accepts the token[\s\S]*sub "me" does not match you/);
});

test('doctor --workload goes from the address to the keys, and says which step fails', async () => {
  const file = `issuers: { ci: { preset: oidc, issuer: "${issuer.url}" } }
rules: [{ issuer: ci, match: { sub: me }, account: "ci:me" }]`;
  await write('doctor-workloads.yml', file);
  const environment = { WORKLOADS_FILE: join(installation.folder, 'doctor-workloads.yml') };
  const right = await installation.run(['doctor', '--workload', 'ci'], environment);
  assert.equal(right.code, 0, right.output);
  assert.match(right.output, /ok +metadata +http[^\n]*openid-configuration\n.*ok +keys +1 at /);
  const examine = async (text: string) => {
    const workloads = { ...workloadsOf(text), files: { keys: new Map(), authorities: new Map() } };
    const [ci] = workloads.issuers.values();
    assert.ok(ci);
    const findings = await checkIssuer(workloads, ci, undefined, fetchText);
    return findings.filter(({ status }) => status === 'wrong').map(({ subject, message }) => `${subject}: ${message}`);
  };
  for (const [how, finding] of [
    ['error', /^metadata: .*answers 503.*jwks_file/],
    ['other-issuer', /^metadata: .*of the issuer https:\/\/evil\.example\.com/],
    ['empty', /^keys: the key set has no key/],
  ] as const) {
    issuer.answer(how);
    assert.match((await examine(file)).join('\n'), finding);
  }
  issuer.answer(null);
  const other = file.replace('preset: oidc', 'preset: oidc, algorithms: [ES256]');
  assert.match((await examine(other)).join('\n'), /^algorithms: none of ES256 fits the keys/);
});

test('policy test takes claims in the place of a name', async () => {
  const claims = JSON.stringify(recordedClaims.github);
  await write(
    'cases.yml',
    `
- { claims: ${claims}, scope: "repository:acme/web:pull,push", expect: [pull, push] }
- { claims: ${claims}, scope: "repository:other/web:push", expect: nothing }
- claims: { iss: "https://token.actions.githubusercontent.com", repository: acme/web, repository_id: 123456, repository_owner_id: 987654, event_name: pull_request, ref: refs/heads/main }
  scope: repository:acme/web:pull
  expect: nothing
`,
  );
  const { code, output } = await installation.run(['policy', 'test', 'cases.yml']);
  assert.equal(code, 0, output);
  assert.match(output, /3 of 3 cases passed/);
  await write('cases.yml', `[{ claims: { sub: x }, issuer: gitlab, scope: "repository:acme/web:pull", expect: pull }]`);
  const failed = await installation.run(['policy', 'test', 'cases.yml']);
  assert.equal(failed.code, 1);
  assert.match(failed.output, /the claims are refused: the workloads file has no such issuer/);
});
