/** `dockpass google-events` as a process, beside a server that stands in for Google's RISC API. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, test } from 'node:test';
import { type CryptoKey, exportPKCS8, generateKeyPair, jwtVerify } from 'jose';
import { createInstallation, type Installation } from '../support/installation.ts';

type Call = { readonly path: string; readonly body: unknown };

let installation: Installation;
let publicKey: CryptoKey;
let environment: Record<string, string>;
let registered: object | null = null;
let refusal: { readonly status: number; readonly message: string } | null = null;
const calls: Call[] = [];
const server = createServer((request, response) => void answer(request, response));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const audience = 'https://risc.googleapis.com/google.identity.risc.v1beta.RiscManagementService';
  const [, token = ''] = request.headers.authorization?.split(' ') ?? [];
  const { payload, protectedHeader } = await jwtVerify(token, publicKey, { audience });
  assert.deepEqual([payload.iss, payload.sub, protectedHeader.kid], ['risc@project.test', 'risc@project.test', 'k7']);
  assert.equal((payload.exp ?? 0) - (payload.iat ?? 0), 3_600);
  const body = await text(request);
  calls.push({ path: `${request.method} ${request.url}`, body: body === '' ? null : JSON.parse(body) });
  const { status = 200, message = '' } = refusal ?? {};
  response.writeHead(status, { 'content-type': 'application/json' });
  if (refusal !== null) response.end(JSON.stringify({ error: { code: status, message, status: 'PERMISSION_DENIED' } }));
  else response.end(JSON.stringify(request.method === 'GET' ? registered : {}));
}

before(async () => {
  const pair = await generateKeyPair('RS256', { extractable: true });
  publicKey = pair.publicKey;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const key = {
    client_email: 'risc@project.test',
    private_key: await exportPKCS8(pair.privateKey),
    private_key_id: 'k7',
  };
  installation = createInstallation();
  environment = {
    ...{ GOOGLE_CLIENT_ID: 'id', GOOGLE_CLIENT_SECRET: 'secret', GOOGLE_DOMAINS: 'example.com', GOOGLE_RISC: 'true' },
    GOOGLE_RISC_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ GOOGLE_DIRECTORY: 'direct', GOOGLE_DIRECTORY_KEY: JSON.stringify(key) },
  };
});
beforeEach(() => {
  calls.length = 0;
  refusal = null;
  registered = null;
});
after(() => {
  server.close();
  server.closeAllConnections();
  installation.remove();
});

const receiver = 'http://localhost:5001/google-events';

test('register: the address and the events that Dockpass acts on, then a test event', async () => {
  const done = await installation.run(['google-events', 'register'], environment);
  assert.equal(done.code, 0, done.output);
  const [update = assert.fail('nothing was asked'), verify] = calls;
  const { delivery, events_requested: events } = update.body as {
    delivery: { url: string };
    events_requested: string[];
  };
  assert.deepEqual([update.path, delivery.url], ['POST /v1beta/stream:update', receiver]);
  assert.deepEqual(events.map((event) => event.split('/').at(-1)).toSorted(), [
    'account-credential-change-required',
    'account-disabled',
    'sessions-revoked',
    'token-revoked',
    'tokens-revoked',
  ]);
  assert.equal(verify?.path, 'POST /v1beta/stream:verify');
  assert.match(done.stdout, /Google sends its security events to http:\/\/localhost:5001\/google-events\./);
});

test('verify: shows what is registered, and says where that is another address', async () => {
  registered = { delivery: { url: 'https://old.example.com/google-events' } };
  const done = await installation.run(['google-events', 'verify'], environment);
  assert.equal(done.code, 0);
  assert.match(
    done.output,
    /does not send to http:\/\/localhost:5001\/google-events: run "dockpass google-events register"/,
  );
  assert.deepEqual(
    calls.map(({ path }) => path),
    ['GET /v1beta/stream', 'POST /v1beta/stream:verify'],
  );
});

test('what Google refuses is said with what to do; a silent Google too', async () => {
  refusal = { status: 403, message: 'RISC API has not been used in project 1 before or it is disabled.' };
  const refused = await installation.run(['google-events', 'register'], environment);
  assert.equal(refused.code, 1);
  assert.match(
    refused.output,
    /403: RISC API has not been used.*Enable the RISC API, give the service account the role/,
  );
  const silent = await installation.run(['google-events', 'register'], {
    ...environment,
    GOOGLE_RISC_URL: 'http://127.0.0.1:1',
  });
  assert.equal(silent.code, 1);
  assert.match(silent.output, /127\.0\.0\.1:1 did not answer/);
});

test('without a key, or before events are enabled, it says so', async () => {
  const noKey = { ...environment, GOOGLE_DIRECTORY: 'off', GOOGLE_DIRECTORY_KEY: '' };
  assert.match((await installation.run(['google-events', 'register'], noKey)).output, /--key-file/);
  const off = { ...environment, GOOGLE_RISC: 'false' };
  assert.match((await installation.run(['google-events', 'register'], off)).output, /Set GOOGLE_RISC=true first/);
  assert.deepEqual(calls, []);
});
