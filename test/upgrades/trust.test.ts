/** What changes for an installation of 0.1.0 (commit bdfb727) that upgrades: who vouches for whom, robots, sessions, freshness. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type App, startApp } from '../../src/app/app.ts';
import { readConfig } from '../../src/config/config.ts';
import { openSql, openStore } from '../../src/store/open.ts';
import { type Databases, describeEngines } from '../support/engines.ts';
import { type Release, restoreRelease } from '../support/release.ts';
import { createVisitor } from '../support/visitor.ts';

const google = { GOOGLE_CLIENT_ID: 'dockpass', GOOGLE_CLIENT_SECRET: 'not-a-secret' };
const sso = {
  OIDC_PROVIDERS: 'sso',
  OIDC_SSO_ISSUER: 'https://sso.invalid',
  OIDC_SSO_CLIENT_ID: 'dockpass',
  OIDC_SSO_CLIENT_SECRET: 'not-a-secret',
};

type Upgraded = { readonly app: App; readonly release: Release; readonly url: string };

async function upgrade(t: TestContext, databases: Databases, settings: Record<string, string>): Promise<Upgraded> {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-upgrade-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const url = await databases.createEmpty();
  const release = await restoreRelease('0.1.0', url);
  const place = { PUBLIC_URL: 'http://localhost:5001', PORT: '0', DATABASE_URL: url, DATA_DIR: folder };
  const environment = { ...release.environment, ...place, POLICY_FILE: release.policyFile, LOG_LEVEL: 'silent' };
  const app = await startApp(readConfig({ ...environment, ...settings }));
  t.after(() => app.stop());
  return { app, release, url };
}

async function login({ app, release }: Upgraded, name: string): Promise<number> {
  const { user = '', secret = '' } = release.passwords[name] ?? {};
  const authorization = `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
  return (await fetch(`${app.url}/auth?service=registry.example.com`, { headers: { authorization } })).status;
}

function visitorOf({ app, release }: Upgraded) {
  const visitor = createVisitor();
  visitor.setCookie(app.url, 'dockpass', release.sessionCookie);
  return visitor;
}

test('two providers, one of them without domains: nothing starts, and the message names the setting', () => {
  const settings = { PUBLIC_URL: 'http://localhost:5001', SERVICES: 'registry.example.com', ...google, ...sso };
  assert.throws(() => readConfig({ ...settings, GOOGLE_DOMAINS: 'example.com' }), /OIDC_SSO_DOMAINS/);
});

describeEngines('an upgrade from 0.1.0', (databases) => {
  test('one provider without domains: it starts, and everyone has the same rights', async (t) => {
    const upgraded = await upgrade(t, databases, sso);
    assert.equal(await login(upgraded, 'active'), 200);
    assert.equal(await login(upgraded, 'robot'), 200);
    assert.equal((await visitorOf(upgraded).open(`${upgraded.app.url}/admin`)).status, 200, 'still an administrator');
  });

  test('accounts whose address another provider owns are suspended and listed, administrators too', async (t) => {
    const domains = { GOOGLE_DOMAINS: 'other.example', OIDC_SSO_DOMAINS: 'example.com' };
    const upgraded = await upgrade(t, databases, { ...google, ...sso, ...domains });
    assert.equal(await login(upgraded, 'active'), 401);
    assert.match((await visitorOf(upgraded).open(`${upgraded.app.url}/admin`)).url.pathname, /^\/sign-in/);
    const { warnings } = (await (await fetch(`${upgraded.app.url}/readyz`)).json()) as { warnings: string[] };
    assert.match(warnings.join('\n'), /accounts are suspended.*state=unvouched/);
    const store = await openStore(upgraded.url, () => {});
    t.after(() => store.close());
    const ana = await store.accounts.byLogin('ana@example.com');
    assert.deepEqual([ana?.state, ana?.state_by], ['disabled', 'authority']);
    assert.match(ana?.state_reason ?? '', /sso, not google, is the authority/);
  });

  test('robots: makers come from the audit, the bound only warns', async (t) => {
    const upgraded = await upgrade(t, databases, { ...google, GOOGLE_DOMAINS: 'example.com' });
    assert.equal(await login(upgraded, 'robot'), 200);
    const { warnings } = (await (await fetch(`${upgraded.app.url}/readyz`)).json()) as { warnings: string[] };
    assert.match(warnings.join('\n'), /set ROBOT_BOUND=enforce/);
    const page = await visitorOf(upgraded).open(`${upgraded.app.url}/admin/robots`);
    assert.equal(page.status, 200);
  });

  test('sessions go on to the same end, and are not fresh; without auth_time the button decides', async (t) => {
    const upgraded = await upgrade(t, databases, { ...google, GOOGLE_DOMAINS: 'example.com' });
    const store = await openStore(upgraded.url, () => {});
    t.after(() => store.close());
    const account = await store.accounts.byLogin('ana@example.com');
    const ends = async () => (await store.sessions.ofAccount(account?.id ?? '', 0)).map(({ expires_at: at }) => at);
    const before = await ends();
    const visitor = visitorOf(upgraded);
    assert.equal((await visitor.open(`${upgraded.app.url}/admin`)).status, 200);
    const page = await visitor.open(`${upgraded.app.url}/admin/tokens/new`);
    assert.equal(page.status, 403);
    assert.match(page.body, /href="\/sign-in\/google\?[^"]*fresh=yes"/, 'there is a button, so nobody is locked out');
    assert.equal(before.length, 1);
    assert.ok(Math.max(...(await ends())) - Math.max(...before) < 8 * 60 * 60 * 1000);
  });

  for (const [title, settings, status] of [
    ['keep their passwords after the upgrade', {}, 200],
    ['lose them where the operator sets UNCHECKED_DAYS', { UNCHECKED_DAYS: '30' }, 401],
  ] as const) {
    test(`people who cannot be asked about, and last signed in long ago, ${title}`, async (t) => {
      const upgraded = await upgrade(t, databases, { ...google, GOOGLE_DOMAINS: 'example.com', ...settings });
      const sql = await openSql(upgraded.url, () => {});
      t.after(() => sql.close());
      await sql.run('update account set confirmed_at = null, signed_in_at = 1');
      assert.equal(await login(upgraded, 'active'), status);
    });
  }
});
