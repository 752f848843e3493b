/** Webhooks as their receivers see them: signed, once, with nothing formatted; and where they're never sent. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { checkWebhooks } from '../../src/app/notifications.ts';
import { readConfig } from '../../src/config/config.ts';
import { blockListOf, objectionTo } from '../../src/lib/reachable-address.ts';
import { signatureOf } from '../../src/notify/signature.ts';
import { slackMessageOf } from '../../src/notify/slack.ts';
import { createPost, refusalOf, TargetRefused } from '../../src/notify/target.ts';
import { openStore } from '../../src/store/open.ts';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { skipped } from '../support/parts.ts';
import { ownAddress } from '../support/ports.ts';

/** Webhooks never reach loopback, so the receiver listens where other machines would find it. */
const own = ownAddress();
const skip = own === undefined && skipped('no address but loopback');

type Received = { readonly headers: IncomingHttpHeaders; readonly body: string; readonly path: string };

type Receiver = {
  readonly url: string;
  readonly got: Received[];
  answer: { status: number; headers?: Record<string, string> };
  /** Settles when there are so many. */
  has(count: number): Promise<void>;
  stop(): void;
};

async function startReceiver(): Promise<Receiver> {
  const got: Received[] = [];
  const server = http.createServer(async (request, response) => {
    got.push({ headers: request.headers, path: request.url ?? '', body: (await request.toArray()).join('') });
    response.writeHead(receiver.answer.status, receiver.answer.headers).end();
    server.emit('got');
  });
  server.listen(0, own);
  await once(server, 'listening');
  const receiver: Receiver = {
    ...{ got, url: `http://${own}:${(server.address() as AddressInfo).port}/hook`, answer: { status: 204 } },
    async has(count) {
      while (got.length < count) await once(server, 'got');
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
  return receiver;
}

const secretOf = () => `whsec_${randomBytes(32).toString('base64')}`;

test('what happens is posted to each that wants it, and its signature verifies', { skip }, async (t) => {
  const [siem, chat] = [await startReceiver(), await startReceiver()];
  const installation = createInstallation();
  const [before, next] = [secretOf(), secretOf()];
  const settings = {
    WEBHOOKS: 'siem,chat',
    ...{ WEBHOOK_SIEM_URL: siem.url, WEBHOOK_SIEM_SECRET: `${next},${before}`, WEBHOOK_SIEM_ALLOW: own ?? '' },
    WEBHOOK_SIEM_EVENTS: 'password.*',
    ...{ WEBHOOK_CHAT_URL: chat.url, WEBHOOK_CHAT_FORMAT: 'slack', WEBHOOK_CHAT_ALLOW: `${own}/32` },
  };
  t.after(() => {
    for (const receiver of [siem, chat]) receiver.stop();
    installation.remove();
  });
  const tried = await installation.command(['notification', 'test', 'siem'], settings);
  assert.equal(tried.output, 'Accepted.\n');
  siem.answer = { status: 302, headers: { location: siem.url } };
  const redirected = await installation.command(['notification', 'test', 'siem'], settings);
  assert.match(redirected.output, /Not accepted: HTTP 302, a redirect, which is not followed/);
  assert.equal(siem.got.length, 2);
  siem.answer = { status: 500 };

  const running = await installation.serve({ ...settings, METRICS_LISTEN: '127.0.0.1:0' });
  t.after(() => running.stop());
  await installation.addPerson('ana@example.com');
  const made = await installation.command(
    ['password', 'create', 'ana@example.com', '--name', '<!channel> *x*'],
    settings,
  );
  assert.equal(made.code, 0, made.output);
  await siem.has(3);
  siem.answer = { status: 200 };
  await siem.has(4);
  const [first, again] = siem.got.slice(2);
  assert.ok(first && again);
  assert.equal(again.headers['webhook-id'], first.headers['webhook-id'], 'another attempt is the same message');
  for (const secret of [before, next]) {
    const event = new Webhook(secret).verify(again.body, again.headers as Record<string, string>);
    const { type, source, subject, data } = event as Record<string, unknown>;
    assert.deepEqual([type, source, subject], ['password.create', 'http://localhost:5001', 'ana@example.com']);
    assert.equal((data as { detail: { name: string } }).detail.name, '<!channel> *x*');
  }
  assert.throws(() => new Webhook(secretOf()).verify(again.body, again.headers as Record<string, string>));
  const revoked = await installation.command(['revocation', 'create', '--email', 'ana@example.com', '--yes'], settings);
  assert.equal(revoked.code, 0, revoked.output);
  await chat.has(1);
  const { text, mrkdwn } = JSON.parse(chat.got[0]?.body ?? '');
  assert.match(text, /^Revoked by an administrator: ana@\u2060example\.\u2060com, by command line, 1 password/);
  assert.equal(mrkdwn, false);
  assert.doesNotMatch(running.output(), new RegExp(`${own}:|/hook`), 'no URL is logged');

  siem.answer = { status: 410 };
  await installation.command(['password', 'create', 'ana@example.com', '--name', 'phone'], settings);
  await failedIn(installation);
  const metrics = await metricsOf(running);
  for (const line of [
    'dockpass_notifications_total{channel="webhook:siem",outcome="postponed"} 1',
    'dockpass_notifications_total{channel="webhook:siem",outcome="sent"} 1',
    'dockpass_notifications_total{channel="webhook:siem",outcome="failed"} 1',
    'dockpass_notifications_total{channel="webhook:chat",outcome="sent"} 1',
    'dockpass_notifications{channel="webhook:siem",state="failed"} 1',
  ]) {
    assert.ok(metrics.split('\n').includes(line), `${line}\n${metrics}`);
  }
});

/** Settles when the database has a message that failed. */
async function failedIn({ folder }: Installation): Promise<void> {
  const store = await openStore(`sqlite:${join(folder, 'data', 'dockpass.db')}`, () => {});
  // The receiver that they fail at is in this process.
  while ((await store.notificationMessages.failed(1)).length === 0) await yieldToOthers();
  await store.close();
}

/** Once an attempt that ended is counted, which is after it's stored. */
async function metricsOf(running: Server): Promise<string> {
  await running.says(/"port":\d+.*"msg":"metrics"/);
  const [, port = ''] = /"port":(\d+)[^\n]*"msg":"metrics"/.exec(running.output()) ?? [];
  let text = '';
  while (!text.includes('outcome="failed"')) text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return text;
}

describe('a target that the rules refuse', () => {
  const settingsOf = (url: string, allow: string, events = '') => ({
    ...{ WEBHOOKS: 'chat', WEBHOOK_CHAT_FORMAT: 'slack', WEBHOOK_CHAT_URL: url },
    ...{ WEBHOOK_CHAT_ALLOW: allow, WEBHOOK_CHAT_EVENTS: events },
  });

  test('fails at the start and in the test command', async (t) => {
    const installation = createInstallation();
    t.after(() => installation.remove());
    for (const words of [['serve'], ['notification', 'test', 'chat']]) {
      const { code, output } = await installation.command(words, settingsOf('https://10.1.2.3/secret-path', ''));
      assert.notEqual(code, 0, output);
      assert.match(output, /WEBHOOK_CHAT_URL is refused: its address is private, and WEBHOOK_CHAT_ALLOW/);
      assert.doesNotMatch(output, /secret-path/);
    }
  });

  for (const [url, allow, events, expected] of [
    ['http://10.1.2.3/secret-path', '10.1.2.4', '', /its address is private/],
    ['http://93.184.215.14/secret-path', '10.1.2.4', '', /it is http, and WEBHOOK_CHAT_ALLOW doesn't list its address/],
    ['http://93.184.215.14/secret-path', '', '', /WEBHOOK_CHAT_URL is http/],
    ['https://169.254.169.254/secret-path', '10.0.0.0/8', '', /metadata service, which is never allowed/],
    ['https://[::1]/secret-path', '10.0.0.0/8', '', /never allowed/],
    ['https://localhost/secret-path', '10.0.0.0/8', '', /never allowed/],
    ['https://10.1.2.3/secret-path', '127.0.0.0/8', '', /"127\.0\.0\.0\/8" can't be allowed/],
    ['https://10.1.2.3/secret-path', '10.0.0.0/0', '', /is not an address or a block/],
    ['ftp://10.1.2.3/secret-path', '', '', /WEBHOOK_CHAT_URL must be an https URL/],
    [
      'https://93.184.215.14/secret-path',
      '',
      'password.revoked',
      /no event is called "password\.revoked"\. Did you mean password\.revoke\?/,
    ],
  ] as const) {
    test(`${url}, with ${allow} allowed and events "${events}"`, async () => {
      const least = { PUBLIC_URL: 'http://localhost:5001', SERVICES: 'registry.example.com' };
      const start = async () => checkWebhooks(readConfig({ ...least, ...settingsOf(url, allow, events) }));
      await assert.rejects(start, ({ message }: Error) => expected.test(message) && !message.includes('secret-path'));
    });
  }
});

describe('the address', () => {
  const parts = { setting: 'WEBHOOK_CHAT_ALLOW', allowed: blockListOf(['10.0.0.0/8']) };

  test('is checked at each connection, and all that a name has must be allowed', async () => {
    const answers = [['93.184.215.14'], ['127.0.0.1'], ['93.184.215.14', '10.1.1.1', '192.168.1.1'], []];
    const resolve = async () => (answers.shift() ?? []).map((address) => ({ address, family: 4 }));
    const url = new URL('https://rebinding.example/');
    assert.equal(await refusalOf({ ...parts, resolve }, url), null, 'fine when it starts');
    const post = createPost({ ...parts, resolve });
    await assert.rejects(post(url, {}, ''), TargetRefused);
    await assert.rejects(post(url, {}, ''), (error: Error) => /private/.test(error.message));
    assert.equal(await refusalOf({ ...parts, resolve }, url), null, 'a name that is not there yet');
  });

  for (const [address, expected] of [
    ['93.184.215.14', null],
    ['2606:4700::1', null],
    ['::ffff:93.184.215.14', null],
    ['64:ff9b::5db8:d70e', null],
    ['10.1.1.1', null],
    ['::ffff:10.1.1.1', null],
    ['64:ff9b::a01:101', null],
    ['192.168.1.1', 'internal'],
    ['172.31.0.1', 'internal'],
    ['100.64.0.1', 'internal'],
    ['fd00::1', 'internal'],
    ['64:ff9b::c0a8:101', 'internal'],
    ['127.0.0.1', 'never'],
    ['127.9.9.9', 'never'],
    ['0.0.0.0', 'never'],
    ['::', 'never'],
    ['::1', 'never'],
    ['::ffff:127.0.0.1', 'never'],
    ['::ffff:7f00:1', 'never'],
    ['64:ff9b::7f00:1', 'never'],
    ['64:ff9b::', 'never'],
    ['::127.0.0.1', 'never'],
    ['2002:7f00:1::', 'never'],
    ['169.254.169.254', 'never'],
    ['fe80::1%eth0', 'never'],
    ['fd00:ec2::254', 'never'],
    ['168.63.129.16', 'never'],
    ['100.100.100.200', 'never'],
    ['224.0.0.1', 'never'],
    ['255.255.255.255', 'never'],
    ['not an address', 'never'],
  ] as const) {
    test(`${address}: ${expected ?? 'allowed'}`, () => assert.equal(objectionTo(address, parts.allowed), expected));
  }
});

test('in Slack, nothing that strangers wrote is a mention, a link or formatting', () => {
  const message = slackMessageOf(
    {
      ...{ specversion: '1.0', id: 'e', source: 's', type: 'robot.create', time: '2026-11-30T09:28:00.000Z' },
      datacontenttype: 'application/json',
      data: {
        ...{ actor: '@here & <!channel>', subject: '<https://evil.example|click>', address: null, client: null },
        ...{ requestId: null, repository: '<!subteam^S1>', detail: { reason: 'see https://evil.example\r\n*now*' } },
      },
    },
    () => 'Robot created',
    'https://auth.example.com/admin/audit',
  );
  assert.equal(
    message.text,
    'Robot created: &lt;https:\u2060//evil.\u2060example|click&gt;, by @\u2060here &amp; &lt;!channel&gt;, repository &lt;!subteam^S1&gt;, reason: see https:\u2060//evil.\u2060example *now* (2026-11-30 09:28 UTC)\nhttps://auth.example.com/admin/audit',
  );
  assert.equal(message.mrkdwn, false);
});

test('a signature is that of Standard Webhooks, by each of two secrets', () => {
  const secrets = [secretOf(), secretOf()];
  const [id, timestamp, body] = ['msg_1', Math.floor(Date.now() / 1000), '{"a":1}'];
  const keys = secrets.map((secret) => Buffer.from(secret.slice('whsec_'.length), 'base64'));
  const signature = signatureOf(keys, { id, timestamp, body });
  const headers = { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature };
  for (const secret of secrets) assert.deepEqual(new Webhook(secret).verify(body, headers), { a: 1 });
});
