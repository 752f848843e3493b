/** `dockpass doctor --provider google` as a process, beside servers that stand in for Google's. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, test } from 'node:test';
import { createDirectory, type Directory, refusal, tokenPath } from '../support/directory.ts';
import { createInstallation, type Installation } from '../support/installation.ts';
import { demoPeople } from '../support/provider.ts';

let directory: Directory;
let installation: Installation;
let environment: Record<string, string>;
let receiver: string;
const server = createServer((request, response) => void answer(request, response));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://google');
  const json = (status: number, body: object) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (pathname === '/certs') return void json(200, { keys: [{ kty: 'RSA' }] });
  if (pathname === '/auth')
    return void response.writeHead(302, { location: `${callback}?error=interaction_required` }).end();
  if (pathname === '/token') {
    const isRight = new URLSearchParams(await text(request)).get('client_secret') === 'secret';
    return void json(isRight ? 400 : 401, { error: isRight ? 'invalid_grant' : 'invalid_client' });
  }
  if (pathname === '/v1beta/stream') {
    const events = ['account-disabled', 'account-credential-change-required', 'sessions-revoked'].map(
      (name) => `https://schemas.openid.net/secevent/risc/event-type/${name}`,
    );
    return void json(200, { delivery: { url: receiver }, events_requested: events });
  }
  if (!directory.answer(request, response)) response.writeHead(404).end();
}

const callback = 'http://localhost:5001/sign-in/google/callback';

before(async () => {
  directory = await createDirectory(new Map(demoPeople.map((person) => [person.sub, person])));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  installation = createInstallation();
  environment = {
    ...{ GOOGLE_CLIENT_ID: 'id', GOOGLE_CLIENT_SECRET: 'secret', GOOGLE_DOMAINS: 'example.com', GOOGLE_RISC: 'true' },
    ...{ GOOGLE_AUTHORIZATION_URL: `${url}/auth`, GOOGLE_TOKEN_URL: `${url}/token`, GOOGLE_JWKS_URL: `${url}/certs` },
    ...{ GOOGLE_DIRECTORY: 'direct', GOOGLE_DIRECTORY_KEY: JSON.stringify(directory.keyFile), GOOGLE_RISC_URL: url },
    ...{ GOOGLE_DIRECTORY_URL: url, GOOGLE_CLOUD_IDENTITY_URL: url, GOOGLE_DIRECTORY_TOKEN_URL: url + tokenPath },
  };
});
beforeEach(() => {
  directory.mood = 'well';
  directory.replies.splice(0);
  receiver = 'http://localhost:5001/google-events';
});
after(() => {
  server.close();
  server.closeAllConnections();
  installation.remove();
});

const doctor = (changes: Record<string, string> = {}) =>
  installation.run(['doctor', '--provider', 'google'], { ...environment, ...changes });

test('what is right, which strategies work, and what the events lack', async () => {
  const { code, stdout } = await doctor();
  assert.equal(code, 1, 'an event is missing');
  assert.match(stdout, /ok +client .*accepted/);
  assert.match(stdout, /ok +redirect .*is registered/);
  assert.match(stdout, /ok +clock/);
  assert.match(stdout, /ok +delegation .*admin\.directory\.group\.readonly/);
  assert.match(stdout, /ok +customer .*C0123abcd/);
  for (const strategy of ['direct', 'recursive', 'configured', 'transitive']) {
    assert.match(stdout, new RegExp(`ok +groups +${strategy}: works`));
  }
  assert.match(stdout, /FAIL +events .*does not send tokens-revoked, token-revoked|FAIL +events .*register/);
});

test('what is wrong is said with what to do', async () => {
  directory.replies.push({ to: /hasMember/, reply: refusal(403, 'forbidden', 'Not Authorized') });
  const wrong = await doctor({ GOOGLE_CLIENT_SECRET: 'old', GOOGLE_CUSTOMER_ID: 'C9' });
  assert.match(wrong.stdout, /FAIL +client .*GOOGLE_CLIENT_ID and CLIENT_SECRET/);
  assert.match(wrong.stdout, /FAIL +customer .*C0123abcd, and GOOGLE_CUSTOMER_ID is C9/);
  assert.match(wrong.stdout, /note +groups +configured: .*403.*It isn't in use/);
  receiver = 'https://old.example.com/google-events';
  assert.match((await doctor()).stdout, /FAIL +events .*does not send to http:\/\/localhost:5001\/google-events/);
  directory.mood = 'unauthorized';
  assert.match((await doctor()).stdout, /FAIL +delegation .*domain-wide delegation, or one of its scopes, is missing/);
});

test('without a directory and events it says what that means', async () => {
  const { stdout } = await doctor({ GOOGLE_DIRECTORY: 'off', GOOGLE_DIRECTORY_KEY: '', GOOGLE_RISC: 'false' });
  assert.match(stdout, /note +directory .*leavers are found with their refresh tokens/);
  assert.match(stdout, /note +events .*GOOGLE_RISC is off/);
});
