import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, test } from 'node:test';
import express from 'express';
import { Refusal } from '../src/errors.ts';
import * as ours from '../src/http.ts';
import type { Log } from '../src/log.ts';

type Line = { fields: Record<string, unknown>; message: string };

function collectLog(): { log: Log; lines: Line[] } {
  const lines: Line[] = [];
  const write = (fields: object, message: string) => lines.push({ fields: fields as Record<string, unknown>, message });
  return { lines, log: { debug: write, info: write, warn: write, error: write } };
}

/** Runs `action` against a real server on a free port. */
async function withServer(listener: RequestListener, action: (url: string) => Promise<void>): Promise<void> {
  const server = await ours.createServer(null, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await action(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** A request with headers that fetch would not send. */
function send(url: string, headers: http.OutgoingHttpHeaders): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { headers }, async (response: IncomingMessage) => {
      const body = (await response.toArray()).join('');
      resolve({ status: response.statusCode ?? 0, body });
    });
    request.on('error', reject);
  });
}

describe('the address of a client', () => {
  const cases: [string, string[], string | undefined, string][] = [
    ['is the peer without proxies', [], '203.0.113.9', '127.0.0.1'],
    ['is what a trusted proxy says', ['127.0.0.0/8'], '203.0.113.9', '203.0.113.9'],
    [
      'is the nearest that is not trusted',
      ['127.0.0.0/8', '10.0.0.1'],
      '6.6.6.6, 203.0.113.9, 10.0.0.1',
      '203.0.113.9',
    ],
    ['is not what a client claims before its own proxy', ['127.0.0.0/8'], '6.6.6.6, 203.0.113.9', '203.0.113.9'],
    ['is written as IPv4 where it is mapped', ['127.0.0.0/8'], '::ffff:203.0.113.9', '203.0.113.9'],
    ['is the proxy where that says nothing', ['127.0.0.0/8'], undefined, '127.0.0.1'],
    ['has no port', ['127.0.0.0/8'], '203.0.113.9:5678', '203.0.113.9'],
    ['has no port behind two proxies', ['127.0.0.0/8', '10.0.0.1'], '203.0.113.9:1, 10.0.0.1:443', '203.0.113.9'],
    ['has neither port nor brackets', ['127.0.0.0/8'], '[2001:db8::9]:5678', '2001:db8::9'],
    ['is IPv6 as it is', ['127.0.0.0/8'], '2001:db8::9', '2001:db8::9'],
    ['is the nearest that is one', ['127.0.0.0/8', '10.0.0.1'], 'unknown, 10.0.0.1', '10.0.0.1'],
    ['is the proxy where that says no address', ['127.0.0.0/8'], '999.1.1.1:x<script>', '127.0.0.1'],
  ];
  for (const [name, proxies, forwarded, expected] of cases) {
    test(name, async () => {
      const clientOf = ours.createClientReader(ours.createTrust(proxies));
      const listener: RequestListener = (request, response) => response.end(clientOf(request).address);
      await withServer(listener, async (url) => {
        const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
        assert.equal((await send(url, headers)).body, expected);
      });
    });
  }
});

test('a request is one log line, with the id of the answer, without query, header or secret', async () => {
  const written = Promise.withResolvers<object>();
  const log = { ...collectLog().log, info: written.resolve };
  const clientOf = ours.createClientReader(ours.createTrust([]));
  const listener: RequestListener = (request, response) => {
    ours.logRequest(request, response, { log, clientOf });
    response.writeHead(204).end();
  };
  const secret = 'dkp_0123456789abcdefghijABCDEFGHIJ0123456789';
  await withServer(listener, async (url) => {
    const response = await fetch(`${url}/a/${secret}?code=topsecret`, {
      headers: {
        authorization: `Basic ${btoa(`ana:${secret}`)}`,
        'user-agent': `docker ${secret}`,
        cookie: 'sid=topsecret',
      },
    });
    const line = (await written.promise) as Record<string, unknown>;
    assert.equal(line['requestId'], response.headers.get('x-request-id'));
    assert.equal(line['status'], 204);
    assert.equal(line['method'], 'GET');
    assert.doesNotMatch(JSON.stringify(line), /topsecret|0123456789abcdef|Basic/);
  });
});

test('the name of a client holds nothing that a terminal obeys, or that hides a secret', () => {
  const clientOf = ours.createClientReader(ours.createTrust([]));
  const named = (userAgent: string) =>
    clientOf({ headers: { 'user-agent': userAgent }, socket: {} } as IncomingMessage).userAgent;
  assert.equal(named('docker/1 \u009b31mred\u0007 \u00ad\u202egnp'), 'docker/1 31mred gnp');
  assert.equal(named('dkp_0123\u00ad45678\u200b9abcdef'), 'dk?_…');
});

test('the path of a request target, absolute ones too', () => {
  const pathOf = (url: string) => ours.pathOf({ url } as IncomingMessage);
  assert.equal(pathOf('/auth?service=a'), '/auth');
  assert.equal(pathOf('http://auth.example.com/auth/token?x'), '/auth/token');
  assert.equal(pathOf('*'), '/');
  assert.equal(pathOf('//evil.example/auth'), '//evil.example/auth');
});

test('24 KB of headers arrive, 100 KB are answered 431 and the server lives on', async () => {
  await withServer(
    (_request, response) => response.end('ok'),
    async (url) => {
      assert.equal((await send(url, { authorization: 'x'.repeat(24 * 1024) })).status, 200);
      assert.equal((await send(url, { authorization: 'x'.repeat(100 * 1024) })).status, 431);
      assert.equal((await send(url, {})).status, 200);
    },
  );
});

describe('what a browser sends for another site', () => {
  const origin = 'https://auth.example.com';
  const cases: [string, string, Record<string, string>, number][] = [
    ['our own form', 'POST', { 'sec-fetch-site': 'same-origin', origin }, 200],
    ['typed into the address bar', 'POST', { 'sec-fetch-site': 'none' }, 200],
    ['another site', 'POST', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, 403],
    ['a sibling domain', 'POST', { 'sec-fetch-site': 'same-site', origin: 'https://a.example.com' }, 403],
    ['another site, header kept back by an old browser', 'POST', { origin: 'https://evil.example' }, 403],
    ['a sandboxed frame', 'POST', { origin: 'null' }, 403],
    ['our own origin, old browser', 'POST', { origin }, 200],
    ['a program', 'POST', {}, 200],
    ['a link from another site', 'GET', { 'sec-fetch-site': 'cross-site' }, 200],
    ['a method nobody knows, from another site', 'DELETE', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a header with a made-up value', 'POST', { 'sec-fetch-site': 'Same-Origin' }, 403],
  ];
  const app = express();
  app.use(ours.refuseCrossSite(origin), (_request, response) => {
    response.send('done');
  });
  app.use(replies(collectLog().log));
  for (const [name, method, headers, status] of cases) {
    test(`${name}: ${status}`, () =>
      withServer(app, async (url) => {
        assert.equal((await fetch(url, { method, headers })).status, status);
      }));
  }
});

function replies(log: Log) {
  return ours.replyToErrors({
    log,
    clientOf: ours.createClientReader(ours.createTrust([])),
    page: (response, refusal) => response.send(`<p>${refusal.message}</p>`),
  });
}

describe('an error becomes a reply', () => {
  const { log, lines } = collectLog();
  const app = express();
  app.use(express.urlencoded({ extended: false, limit: '1kb' }));
  app.get('/busy', () => {
    throw new Refusal('too_many_requests', 'Try again in 7 seconds.', { retryAfter: 7 });
  });
  app.get('/broken', () => {
    throw new Error('the password is hunter2');
  });
  app.post('/', (_request, response) => {
    response.send('ok');
  });
  app.get('/items/:id', (_request, response) => {
    response.send('ok');
  });
  app.use(ours.notFound);
  app.use(replies(log));

  test('with the code, the message and the seconds to wait, as JSON for a program', () =>
    withServer(app, async (url) => {
      const response = await fetch(`${url}/busy`);
      assert.equal(response.status, 429);
      assert.equal(response.headers.get('retry-after'), '7');
      assert.equal(response.headers.get('cache-control'), 'no-store');
      const body = (await response.json()) as { errors: { code: string; message: string }[] };
      assert.equal(body.errors[0]?.code, 'too_many_requests');
      assert.equal(body.errors[0]?.message, 'Try again in 7 seconds.');
    }));

  test('as a page for a browser', () =>
    withServer(app, async (url) => {
      const response = await fetch(`${url}/nowhere`, { headers: { accept: 'text/html,*/*;q=0.8' } });
      assert.equal(response.status, 404);
      assert.match(await response.text(), /<p>There is no such page/);
    }));

  test('what is our fault is told to the log, not to the reader', () =>
    withServer(app, async (url) => {
      const response = await fetch(`${url}/broken`);
      assert.equal(response.status, 500);
      assert.doesNotMatch(await response.text(), /hunter2/);
      assert.match(String(lines.at(-1)?.fields['err']), /hunter2/);
    }));

  test('a body that is too large is 413, a broken address 400', () =>
    withServer(app, async (url) => {
      assert.equal(
        (await fetch(url, { method: 'POST', body: new URLSearchParams({ a: 'x'.repeat(2000) }) })).status,
        413,
      );
      assert.equal((await send(`${url}/items/%E0%A4%A`, {})).status, 400);
    }));
});

test('a stop lets the request in flight finish, and waits for no connection that has sent nothing', async () => {
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<ServerResponse>();
  const server = await ours.createServer(null, (_request, response) => arrive(response));
  const stop = ours.createStop(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const silent = connect(port, '127.0.0.1');
  await once(silent, 'connect');
  const answer = fetch(`http://127.0.0.1:${port}/`).then((response) => response.text());
  const response = await arrived;
  const hour = 3_600_000;
  const stopped = stop(hour);
  response.end('finished');
  assert.equal(await answer, 'finished');
  await stopped;
  silent.destroy();
});
