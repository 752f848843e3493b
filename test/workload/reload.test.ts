/** Policy, candidate, workloads and the keys that they name, changed while jobs come in: one snapshot, and the candidate only says what it would do. */
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { tokenExchange } from '../../src/oauth/token-exchange.ts';
import { fetchText } from '../../src/workload/fetch-text.ts';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { basic } from '../support/token-service.ts';

const policyText = `
acl:
  - match: { kind: ci, group: deployers, name: acme/web }
    actions: [pull, push]
`;

let installation: Installation;
let issuer: TestIssuer;
let server: Server;

/** Renames a new file over the old one, and has it taken over. */
function write(name: string, text: string): void {
  writeFileSync(join(installation.folder, `${name}.new`), text);
  renameSync(join(installation.folder, `${name}.new`), join(installation.folder, name));
}
const keys = () => fetchText(new URL(`${issuer.url}/keys`), { ca: null });
const workloadsText = (group = 'deployers') => `
issuers: { ci: { preset: oidc, issuer: "${issuer.url}", jwks_file: ci.json } }
rules: [{ issuer: ci, match: { sub: web }, account: "ci:web", groups: [${group}], labels: { branch: "\${claims:branch}" } }]
`;
const login = async () => {
  const token = await issuer.sign({ aud: 'http://localhost:5001', sub: 'web', branch: 'main' });
  const url = `${server.url}/auth?service=registry.example.com&scope=repository:acme/web:pull,push`;
  const response = await fetch(url, { headers: { Authorization: basic('oidc', token) } });
  const { token: given = '' } = (await response.json()) as { token?: string };
  const { access = [] } =
    given === '' ? {} : JSON.parse(Buffer.from(given.split('.')[1] ?? '', 'base64url').toString());
  return { status: response.status, granted: String(access[0]?.actions ?? '') };
};
const until = async (what: string, holds: (answer: Awaited<ReturnType<typeof login>>) => boolean) => {
  const deadline = Date.now() + 30_000;
  while (!holds(await login())) assert.ok(Date.now() < deadline, what);
};

before(async () => {
  installation = createInstallation();
  issuer = await startIssuer();
  write('policy.yml', policyText);
  write('next.yml', policyText.replace('[pull, push]', '[pull]'));
  write('ci.json', await keys());
  write('workloads.yml', workloadsText());
  server = await installation.serve({
    POLICY_CANDIDATE_FILE: join(installation.folder, 'next.yml'),
    METRICS_LISTEN: '127.0.0.1:0',
  });
});
after(async () => {
  await server.stop();
  await issuer.stop();
  installation.remove();
});

test('the candidate policy says what it would do with a job, and changes nothing', async () => {
  assert.deepEqual(await login(), { status: 200, granted: 'pull,push' });
  await server.says(
    /"account":"ci:web","scope":"repository:acme\/web:pull,push","now":\{"granted":\["pull","push"\].*"candidate":\{"granted":\["pull"\]/,
  );
});

test('a candidate that does not go with the workloads is refused before it is put in force', async () => {
  write('next.yml', 'acl: [{ match: { name: "${labels:branch}/**" }, actions: [pull], raw: true }]');
  server.signal('SIGHUP');
  await server.says(/next\.yml:1:\d+: rule 1 is raw and uses the label \\"branch\\"/);
  assert.deepEqual(await login(), { status: 200, granted: 'pull,push' });
});

test('a mistake of one file keeps both as they were, and both are taken over together', async () => {
  write('policy.yml', policyText.replace('deployers', 'releasers'));
  write('workloads.yml', workloadsText('releasers').replace('preset: oidc', 'preset: odic'));
  server.signal('SIGHUP');
  await server.says(/preset \\"odic\\" isn't one of/);
  assert.deepEqual(await login(), { status: 200, granted: 'pull,push' }, 'the new policy alone would grant nothing');
  write('workloads.yml', workloadsText('releasers'));
  server.signal('SIGHUP');
  await server.says(/"workloadRules":1[^\n]*"policy loaded"/);
  assert.deepEqual(await login(), { status: 200, granted: 'pull,push' });
  write('policy.yml', `users: { ci: {} }${policyText.replace('deployers', 'releasers')}`);
  server.signal('SIGHUP');
  await server.says(/the issuer \\"ci\\" is also a user of the policy file/);
  assert.deepEqual(await login(), { status: 200, granted: 'pull,push' });
  write('policy.yml', policyText.replace('deployers', 'releasers'));
});

test('a file of keys that is replaced counts soon, and a broken one changes nothing', async () => {
  await issuer.rotate();
  assert.equal((await login()).status, 401);
  write('ci.json', '{"keys":[]}');
  server.signal('SIGHUP');
  await server.says(/ci\.json: the key set has no key for signatures/);
  write('ci.json', await keys());
  await until('the new keys were never taken over', ({ status }) => status === 200);
});

test('the metrics count logins by issuer and outcome', async () => {
  const port = /"port":(\d+).*"metrics"/.exec(server.output())?.[1];
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  assert.match(text, /^dockpass_workload_logins_total\{issuer="ci",outcome="accepted"\} \d+$/m);
  assert.match(text, /^dockpass_workload_logins_total\{issuer="ci",outcome="unknown-key"\} \d+$/m);
});

test('the metadata of the OAuth endpoints says that ID tokens are exchanged', async () => {
  const answer = await fetch(`${server.url}/.well-known/oauth-authorization-server`);
  const { grant_types_supported: grants } = (await answer.json()) as { grant_types_supported: readonly string[] };
  assert.ok(grants.includes(tokenExchange), String(grants));
});

test('without the file the feature is off', async () => {
  renameSync(join(installation.folder, 'workloads.yml'), join(installation.folder, 'gone.yml'));
  await until('the feature was never turned off', ({ status }) => status === 401);
});
