/** PASSWORD_FRESH_MINUTES: nothing that logs in is made in a session whose sign-in is too old, on whichever page. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openStore } from '../../src/store/open.ts';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { writeSession } from '../support/walk.ts';

const ana = 'ana@example.com';
const sessionSecret = 's'.repeat(32);
const publicUrl = 'http://localhost:5001';
const grant = 'urn:ietf:params:oauth:grant-type:device_code';

describe('with PASSWORD_FRESH_MINUTES', () => {
  let installation: Installation;
  let server: Server;
  before(async () => {
    installation = createInstallation();
    const environment = { PUBLIC_URL: publicUrl, SESSION_SECRET: sessionSecret, PASSWORD_FRESH_MINUTES: '5' };
    Object.assign(installation.environment, environment);
    await installation.run(['migrate']);
    await installation.addPerson(ana);
    server = await installation.serve();
  });
  after(async () => {
    await server?.stop();
    installation?.remove();
  });

  const inSession = async (minutesAgo: number) => {
    const store = await openStore(`sqlite:${join(installation.folder, 'data', 'dockpass.db')}`, () => {});
    const cookie = await writeSession(store, sessionSecret, `account-${ana}`, Date.now() - minutesAgo * 60_000);
    await store.close();
    const headers = { cookie, origin: publicUrl };
    return {
      get: (path: string) => fetch(server.url + path, { headers, redirect: 'manual' }),
      post: (path: string, fields: Record<string, string>) =>
        fetch(server.url + path, { method: 'POST', headers, body: new URLSearchParams(fields), redirect: 'manual' }),
    };
  };
  const send = async (path: string, fields: Record<string, string>): Promise<Readonly<Record<string, string>>> => {
    const body = new URLSearchParams({ client_id: 'dockpass-cli', ...fields });
    return (await fetch(server.url + path, { method: 'POST', body })).json() as Promise<Record<string, string>>;
  };
  const authorize = `/oauth/authorize?${new URLSearchParams({
    ...{ response_type: 'code', client_id: 'dockpass-cli', redirect_uri: 'http://127.0.0.1:5555/callback', state: 's' },
    ...{ code_challenge: 'c'.repeat(43), code_challenge_method: 'S256', machine: 'm' },
  })}`;

  test('a session that is too old makes no password and approves no terminal, and is led back', async () => {
    const { get, post } = await inSession(6);
    const made = await post('/passwords', { name: 'x', days: '7', access: 'full', repositories: '' });
    assert.equal(made.status, 403);
    for (const purpose of ['login', 'machine']) {
      const { user_code: code = '', device_code: device = '' } = await send('/oauth/device', { purpose, machine: 'm' });
      const decision = { code, access: 'full', repositories: '' };
      for (const response of [
        await post('/terminal', { code }),
        await post('/terminal/decide', { ...decision, decision: 'approve' }),
      ]) {
        assert.equal(response.status, 403, purpose);
        const page = await response.text();
        assert.match(page, /can’t be older than 5 minutes/);
        assert.match(page, /return_to=%2Fterminal&amp;fresh=yes/);
        assert.ok(!page.includes(code), 'no address has the code');
      }
      const token = () => send('/oauth/token', { grant_type: grant, device_code: device });
      assert.equal((await token())['error'], 'authorization_pending');
      assert.equal((await post('/terminal/decide', { ...decision, decision: 'refuse' })).status, 200);
    }
    const page = await get('/terminal');
    assert.equal(page.status, 403, 'before the code is typed');
    const onThisDevice = await get(authorize);
    assert.equal(onThisDevice.status, 403);
    assert.ok((await onThisDevice.text()).includes(`return_to=${encodeURIComponent(authorize)}&amp;fresh=yes`));
  });

  test('one that is fresh does', async () => {
    const { get, post } = await inSession(1);
    const made = await post('/passwords', { name: 'x', days: '7', access: 'full', repositories: '' });
    assert.match(await made.text(), /dkp_\w{36}/);
    assert.deepEqual([(await get('/terminal')).status, (await get(authorize)).status], [200, 200]);
    const { user_code: code = '', device_code: device = '' } = await send('/oauth/device', { machine: 'm' });
    assert.equal((await post('/terminal', { code })).status, 200);
    const decision = { code, access: 'full', repositories: '', decision: 'approve' };
    assert.equal((await post('/terminal/decide', decision)).status, 200);
    assert.match(
      (await send('/oauth/token', { grant_type: grant, device_code: device }))['access_token'] ?? '',
      /^dkp_/,
    );
  });
});
