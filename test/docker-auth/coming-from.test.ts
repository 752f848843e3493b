/** The blocks of docs/coming-from.md: settings that serve accepts, a client that fits them, rules without a warning. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEnv } from 'node:util';
import { parse } from 'yaml';
import { readConfig } from '../../src/config/config.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { warningsOf } from '../../src/policy/check.ts';
import { decide } from '../../src/policy/decide.ts';
import { identityOf } from '../../src/policy/named-account.ts';
import { blocksOf } from '../support/document.ts';

const page = 'docs/coming-from.md';
const base = { PUBLIC_URL: 'https://auth.example.com', SERVICES: 'registry.example.com', TRUSTED_PROXIES: '127.0.0.1' };
const configs = blocksOf(page, 'sh .env').map((block) => {
  // The file isn't here.
  const here = block.replace(/^(\w+_CLIENT_SECRET)_FILE=.*$/m, '$1=the-secret-of-the-client');
  return readConfig({ ...base, ...parseEnv(here) });
});

test('the settings are accepted, and the client of Dex is the one that they name', () => {
  const [dex, gitlab] = configs.map(({ oidc }) => oidc[0]);
  assert.deepEqual([dex?.name, gitlab?.name], ['sso', 'gitlab']);
  const [written = ''] = blocksOf(page, 'yaml dex.yml');
  const { issuer, staticClients } = parse(written);
  assert.equal(String(dex?.issuer).replace(/\/$/, ''), issuer);
  assert.equal(staticClients[0].id, dex?.clientId);
  assert.deepEqual(staticClients[0].redirectURIs, [`${base.PUBLIC_URL}/sign-in/${dex?.name}/callback`]);
  const [github = ''] = blocksOf(page, 'yaml dex-github.yml');
  assert.equal(parse(github).connectors[0].config.redirectURI, `${issuer}/callback`);
});

test('a user of htpasswd keeps name, hash and rights', () => {
  const [text = ''] = blocksOf(page, 'yaml users.yml');
  const policy = parsePolicy(text, 'users.yml');
  assert.deepEqual(warningsOf(policy), []);
  assert.match(policy.users.get('build')?.passwordHash ?? '', /^\$2y\$/);
  const build = identityOf(policy.users, { account: 'build' });
  const access = { type: 'repository', name: 'any/app', actions: ['pull', 'push', 'delete'] };
  const { granted } = decide(policy, build, access, { service: '', address: '' });
  assert.deepEqual(granted, access.actions);
});

test('the rules have no warning, and give what the table says', () => {
  const [text = ''] = blocksOf(page, 'yaml policy.yml');
  const policy = parsePolicy(text, 'policy.yml');
  assert.deepEqual(warningsOf(policy), []);
  const ana = identityOf(policy.users, { account: 'ana@example.com', groups: ['sso:backend'] });
  const granted = (name: string) =>
    decide(
      policy,
      ana,
      { type: 'repository', name, actions: ['pull', 'push', 'delete'] },
      { service: '', address: '' },
    ).granted.join();
  assert.deepEqual(['ana/app', 'backend/api', 'services/mail', 'other/app'].map(granted), [
    'pull,push',
    'pull,push',
    'pull,push,delete',
    'pull',
  ]);
});
