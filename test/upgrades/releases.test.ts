/** Data of every released version under this one: what worked works, what was revoked stays revoked, and no migration gets in the way. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type App, startApp } from '../../src/app/app.ts';
import { readConfig } from '../../src/config/config.ts';
import { describeEngines } from '../support/engines.ts';
import { runProgram } from '../support/process.ts';
import { main } from '../support/program.ts';
import { type Release, releases, restoreRelease } from '../support/release.ts';
import { createVisitor } from '../support/visitor.ts';

for (const version of releases) {
  describeEngines(`data of ${version}`, (databases) => {
    let folder: string;
    let environment: Record<string, string>;
    let release: Release;
    let app: App;

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'dockpass-release-'));
      const databaseUrl = await databases.createEmpty();
      release = await restoreRelease(version, databaseUrl);
      environment = {
        ...release.environment,
        PUBLIC_URL: 'http://localhost:5001',
        PORT: '0',
        DATABASE_URL: databaseUrl,
        DATA_DIR: folder,
        POLICY_FILE: release.policyFile,
        GOOGLE_CLIENT_ID: 'dockpass',
        GOOGLE_CLIENT_SECRET: 'not-a-secret',
        GOOGLE_DOMAINS: 'example.com',
        LOG_LEVEL: 'silent',
      };
      app = await startApp(readConfig(environment));
    });
    after(async () => {
      await app.stop();
      rmSync(folder, { recursive: true });
    });

    /** The status, and the actions that the token grants. */
    async function ask(name: string, scope: string): Promise<readonly [status: number, actions: readonly string[]]> {
      const { user = '', secret = '' } = release.passwords[name] ?? {};
      const authorization = `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
      const url = `${app.url}/auth?service=registry.example.com&scope=${scope}`;
      const response = await fetch(url, { headers: { authorization } });
      const { token = '' } = (await response.json()) as { token?: string };
      return [response.status, token === '' ? [] : grantedBy(token)];
    }

    const active: Readonly<Record<string, readonly [scope: string, actions: readonly string[]]>> = {
      active: ['repository:team/app:pull,push', ['pull', 'push']],
      restricted: ['repository:team/app:pull,push', ['pull']],
      rotated: ['repository:team/app:push', ['push']],
      successor: ['repository:team/app:push', ['push']],
      robot: ['repository:ci/app:pull,push', ['pull', 'push']],
      imported: ['repository:team/app:pull', []],
    };
    for (const [name, [scope, actions]] of Object.entries(active)) {
      test(`the ${name} password gets what it got`, async () => {
        assert.deepEqual(await ask(name, scope), [200, actions]);
      });
    }

    for (const name of ['revoked', 'disabled', 'undoable']) {
      test(`the ${name} password stays refused`, async () => {
        assert.deepEqual(await ask(name, 'repository:team/app:pull'), [401, []]);
      });
    }

    test('the identity token works', async () => {
      const response = await fetch(`${app.url}/auth`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'refresh_token',
          refresh_token: release.identityToken.secret,
          service: 'registry.example.com',
          client_id: 'docker',
          scope: 'repository:team/app:pull',
        }),
      });
      assert.equal(response.status, 200);
    });

    test('the browser is still signed in, and the page lists the passwords', async () => {
      const visitor = createVisitor();
      visitor.setCookie(app.url, 'dockpass', release.sessionCookie);
      const { status, body } = await visitor.open(app.url);
      assert.equal(status, 200);
      for (const name of ['Laptop', 'Cluster', 'Old laptop']) assert.ok(body.includes(name), name);
    });

    test('the API token reads people and the audit', async () => {
      const headers = { authorization: `Bearer ${release.apiToken}` };
      const people = await (await fetch(`${app.url}/api/v1/people`, { headers })).text();
      for (const person of ['ana@example.com', 'bo@example.com', 'cleo@example.com'])
        assert.ok(people.includes(person));
      const audit = await (await fetch(`${app.url}/api/v1/audit`, { headers })).text();
      for (const action of ['person.disable', 'password.revoke', 'key.rotate'])
        assert.ok(audit.includes(action), action);
    });

    test('the keys that registries know are published', async () => {
      const { keys } = (await (await fetch(`${app.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] };
      const published = keys.map(({ kid }) => kid);
      for (const id of release.keyIds) assert.ok(published.includes(id), id);
    });

    test('the certificates that registries trust are served, as they are in the file', async () => {
      const response = await fetch(`${app.url}/.well-known/registry-bundle.pem`);
      assert.match(response.headers.get('content-type') ?? '', /^application\/x-pem-file/);
      assert.equal(await response.text(), readFileSync(join(folder, 'registry-bundle.pem'), 'utf8'));
      assert.equal((await fetch(`${app.url}/.well-known/registry-bundle.pem?service=other`)).status, 404);
    });

    test('a revocation from before the upgrade is not undone: its owners may have revoked some of it since', async () => {
      const words = [main, 'revocation', 'undo', release.revocation];
      const { code, output } = await runProgram(process.execPath, words, { cwd: folder, env: environment });
      assert.equal(code, 1);
      assert.match(output, /made before an upgrade/);
      for (const name of ['undoable', 'revoked'])
        assert.equal((await ask(name, 'repository:team/app:pull'))[0], 401, name);
    });
  });
}

function grantedBy(token: string): readonly string[] {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  const { access } = JSON.parse(payload) as { access: { actions: string[] }[] };
  return access.flatMap(({ actions }) => actions);
}
