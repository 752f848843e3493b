/** `dockpass import token-db` as a process, and what comes of it at `/auth` of a running service. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { tokenDbValue, writeTokenDb } from '../support/token-db.ts';
import { basic } from '../support/token-service.ts';

const password = 'AnaPassword00001';
const google = { GOOGLE_CLIENT_ID: 'id', GOOGLE_CLIENT_SECRET: 'secret', GOOGLE_DOMAINS: 'example.com' };
const policy = `
users:
  ci@example.com: {}
acl:
  - match: { account: "/@example[.]com$/", name: "team/*" }
    actions: ["*"]
`;
let installation: Installation;
let folder: string;
beforeEach(async () => {
  installation = createInstallation();
  writeFileSync(join(installation.folder, 'policy.yml'), policy);
  folder = join(installation.folder, 'tokens');
  await writeTokenDb(folder, {
    'Ana@Example.com': tokenDbValue(password),
    'bo@example.com': tokenDbValue('BoPassword000001', { labels: { team: ['web'] } }),
    'eve@evil.org': tokenDbValue('EvePassword00001'),
    'nobody@example.com': '{}',
  });
});
afterEach(() => installation.remove());

const take = (...words: string[]) => installation.run(['import', 'token-db', folder, ...words], google);
type Listed = { readonly id: string; readonly login: string; readonly name: string; readonly hint: string };
const list = async (): Promise<Listed[]> =>
  JSON.parse((await installation.command(['password', 'list', '--json'], google)).stdout) as Listed[];

async function ask({ url }: Server, user: string, secret: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`${url}/auth?service=registry.example.com&scope=repository:team/app:pull`, {
    headers: { Authorization: basic(user, secret) },
  });
  return { status: response.status, body: await response.text() };
}

test('an imported password logs in, is re-hashed, listed and revoked like any other', async () => {
  const taken = await take('--days', '30');
  assert.equal(taken.code, 0, taken.output);
  assert.match(taken.output, /^"nobody@example\.com" is left out: it has no password\.$/m);
  assert.match(taken.output, /^"eve@evil\.org" is left out: google admits no one from evil\.org\.$/m);
  assert.match(taken.output, /^Imported 2 passwords for google, valid for 30 days; 0 of them replace one/m);
  assert.match(taken.output, /^1 of these people keeps their labels \(team\) until they sign in/m);

  const server = await installation.serve(google);
  assert.equal((await ask(server, 'ana@example.com', 'AnaPassword00002')).status, 401);
  assert.equal((await ask(server, 'bo@example.com', password)).status, 401);
  const first = await ask(server, 'Ana@example.com', password);
  assert.equal(first.status, 200, first.body);
  const { token } = JSON.parse(first.body) as { token: string };
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as object;
  assert.deepEqual(
    [Reflect.get(claims, 'sub'), Reflect.get(claims, 'access')],
    ['ana@example.com', [{ type: 'repository', name: 'team/app', actions: ['pull'] }]],
  );
  assert.equal((await ask(server, 'ana@example.com', password)).status, 200);
  const held = await list();
  assert.deepEqual(
    held.map(({ login, name, hint }) => [login, name, hint]),
    [
      ['ana@example.com', 'docker_auth', '…0001'],
      ['bo@example.com', 'docker_auth', 'not used yet'],
    ],
  );
  for (const { id } of held) await installation.command(['password', 'revoke', id], google);
  for (const [user, secret] of [
    ['ana@example.com', password],
    ['bo@example.com', 'BoPassword000001'],
  ] as const) {
    const refused = await ask(server, user, secret);
    assert.equal(refused.status, 401);
    assert.match(refused.body, /was revoked/);
  }
  const again = await take();
  assert.match(again.output, /^Imported 0 passwords .*\n2 passwords had been imported before\.$/m);
  await server.stop();
});

test('a user of the policy file is asked first, as in docker_auth', async () => {
  await writeTokenDb(folder, { 'ci@example.com': tokenDbValue('CiPassword000001') });
  await take();
  const server = await installation.serve(google);
  assert.equal((await ask(server, 'ci@example.com', 'any password at all')).status, 200);
  assert.equal((await ask(server, 'ci@example.com', 'CiPassword000002')).status, 200);
  await server.stop();
});

test('a dry run changes nothing', async () => {
  const { output, code } = await take('--dry-run');
  assert.equal(code, 0);
  assert.match(output, /^Would import 2 passwords[\s\S]*^Nothing was changed\.$/m);
  assert.deepEqual(await list(), []);
});

test('what is missing is asked for', async () => {
  const none = await installation.run(['import', 'token-db', folder]);
  assert.match(none.output, /No provider is configured: set GOOGLE_CLIENT_ID or OIDC_PROVIDERS first/);
  const two = {
    ...{ ...google, OIDC_PROVIDERS: 'kc', OIDC_KC_ISSUER: 'https://kc.example/realms/r' },
    ...{ OIDC_KC_CLIENT_ID: 'id', OIDC_KC_CLIENT_SECRET: 'secret', OIDC_KC_DOMAINS: 'example.org' },
  };
  const both = await installation.run(['import', 'token-db', folder], two);
  assert.equal(both.code, 2);
  assert.match(both.output, /--provider names who .* configured: google, kc\./);
  const days = await take('--days', '9999');
  assert.match(days.output, /Choose a lifetime between 1 and \d+ days/);
  const gone = await installation.run(['import', 'token-db', `${folder}-gone`], google);
  assert.match(gone.output, /tokens-gone cannot be read: give the folder that level_token_db\.path names\. \(ENOENT/);
});
