/** Requests that a proxy in front and Dockpass could read differently: none is two requests here, none reaches another's answer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';

let installation: Installation;
let server: Server;
before(async () => {
  installation = createInstallation();
  server = await installation.serve();
});
after(async () => {
  await server.stop();
  installation.remove();
});

/** @returns all that comes back on one connection, which this side leaves open until nothing more comes */
async function send(bytes: string): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  await once(socket, 'connect');
  let answer = '';
  socket.setEncoding('latin1').on('data', (piece: string) => {
    answer += piece;
  });
  socket.on('error', () => {});
  socket.setTimeout(1_000, () => socket.destroy());
  socket.write(Buffer.from(bytes, 'latin1'));
  await once(socket, 'close');
  return answer;
}
const statusesOf = (answer: string): string[] => answer.match(/(?<=HTTP\/1\.1 )\d{3}/g) ?? [];

/** What would be answered 404 by itself, were it taken for a request. */
const hidden = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
const form = 'POST /auth HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n';
const get = 'GET /healthz HTTP/1.1\r\nHost: a\r\n';

const refused: Readonly<Record<string, string>> = {
  'Content-Length and Transfer-Encoding': `${form}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'Transfer-Encoding and Content-Length': `${form}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`,
  'two lengths that differ': `${form}Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  'two lengths that agree': `${form}Content-Length: 0\r\nContent-Length: 0\r\n\r\n${hidden}`,
  'two lengths in one line': `${form}Content-Length: 0, ${hidden.length}\r\n\r\n${hidden}`,
  'a length with a sign': `${form}Content-Length: +0\r\n\r\n${hidden}`,
  'a length in hexadecimal': `${form}Content-Length: 0x0\r\n\r\n${hidden}`,
  'chunked under another name': `${form}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`,
  'chunked, and something after it': `${form}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`,
  'a folded header': `${form}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'a space before the colon': `${form}Content-Length : 0\r\n\r\n${hidden}`,
  'a tab in a header’s name': `${form}Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'a chunk whose size is no number': `${form}Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${hidden}`,
  'a chunk longer than it says': `${form}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n${hidden}`,
  'a chunk size beyond 64 bits': `${form}Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n${hidden}`,
  'a chunk size that ends in a bare LF': `${form}Transfer-Encoding: chunked\r\n\r\n0\n\n${hidden}`,
  'lines that end in LF alone': `GET /healthz HTTP/1.1\nHost: a\n\n${hidden}`,
  'a bare CR within a header': `${get}X: a\rContent-Length: 9\r\n\r\n${hidden}`,
  'a zero byte in a header': `${get}X: a\0b\r\n\r\n${hidden}`,
  'two Hosts': `${get}hOST: b\r\n\r\n${hidden}`,
  'two Hosts that agree, to the realm': `${form}Host: a\r\nContent-Length: 3\r\n\r\na=b${hidden}`,
  'no Host': `GET /healthz HTTP/1.1\r\n\r\n${hidden}`,
  'a version of its own': `GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n${hidden}`,
  'an absolute address whose host is a percent sign': `GET http://%/ HTTP/1.1\r\nHost: a\r\n\r\n${hidden}`,
  'an absolute address whose host is encoded': `GET http://%41/healthz HTTP/1.1\r\nHost: a\r\n\r\n${hidden}`,
  'an absolute address whose host has a slash': `GET http://x%2f/ HTTP/1.1\r\nHost: a\r\n\r\n${hidden}`,
  'an absolute address with half an IPv6 address': `GET http://[::1/ HTTP/1.1\r\nHost: a\r\n\r\n${hidden}`,
  'an absolute address without a host': `GET http://?x HTTP/1.1\r\nHost: a\r\n\r\n${hidden}`,
  'the preface of HTTP/2': `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden}`,
};
for (const [what, bytes] of Object.entries(refused)) {
  test(`refused and closed: ${what}`, async () => {
    const answer = await send(bytes);
    assert.deepEqual(statusesOf(answer), ['400'], answer);
    assert.match(answer, /^Connection: close\r$/im);
  });
}

test('what is refused says why, for docker shows an empty body as "unknown: "', async () => {
  for (const [bytes, message] of [
    ['GET /auth HTTP/1.1\r\n\r\n', 'The request has no Host header. Send one.'],
    [`${get}Host: b\r\n\r\n`, 'The request has the Host header more than once. Send one.'],
    ['GET http://%/ HTTP/1.1\r\nHost: a\r\n\r\n', "The request is for an address that can't be read. Send a path."],
    ['nonsense\r\n\r\n', 'This is not a request as HTTP/1.1 has it.'],
  ] as const) {
    const [, body = ''] = (await send(bytes)).split('\r\n\r\n');
    assert.equal(JSON.parse(body).errors[0].message, message);
  }
});

test('what is asked with two Hosts, or of the server as a whole, is a line of the log like any other', async () => {
  const lineOf = async (answer: string): Promise<Record<string, unknown>> => {
    const [id = 'none'] = /(?<=^X-Request-Id: )\S+/m.exec(answer) ?? [];
    await server.says(new RegExp(id));
    const [line = '', ...others] = server
      .output()
      .split('\n')
      .filter((text) => text.includes(id));
    assert.deepEqual(others, []);
    return JSON.parse(line);
  };
  for (const target of ['/healthz', '/auth']) {
    const line = await lineOf(await send(`GET ${target}?service=secret HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`));
    assert.deepEqual([line['msg'], line['method'], line['path'], line['status']], ['request', 'GET', target, 400]);
    assert.equal(line['address'], '127.0.0.1');
  }
  const line = await lineOf(await send('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'));
  assert.deepEqual([line['method'], line['status']], ['OPTIONS', 204]);
});

test('an absolute address is the page that its path is', async () => {
  for (const path of ['/cli/none', '/healthz']) {
    const page = async (target: string) =>
      (await send(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`))
        .replaceAll(/^(?:X-Request-Id|Date|ETag): .*$/gim, '')
        .replaceAll(/"requestId":"[^"]*"|nonce[-=]"?[\w+/=-]+/g, '');
    assert.equal(await page(`http://other.example.com${path}`), await page(path));
  }
  assert.doesNotMatch(server.output(), /DeprecationWarning|URIError|at parse/);
});

const once200: Readonly<Record<string, string>> = {
  'a chunk with an extension': `${form}Transfer-Encoding: chunked\r\n\r\n0;a="\r\n\r\n`,
  'HTTP/1.0 without a Host': 'GET /healthz HTTP/1.0\r\n\r\n',
  'an expectation that no one knows': `${get}Expect: 200-ok\r\n\r\n`,
  'an absolute address of another host': 'GET http://evil.example.com/healthz HTTP/1.1\r\nHost: a\r\n\r\n',
  'a body where none belongs': `${get}Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
  'a wish to speak another protocol': `${get}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n`,
};
for (const [what, bytes] of Object.entries(once200)) {
  test(`one answer to one request: ${what}`, async () => {
    const statuses = statusesOf(await send(bytes));
    assert.equal(statuses.length, 1);
    assert.match(statuses[0] ?? '', /^[24]0\d$/);
  });
}

for (const method of ['TRACE', 'TRACK', 'PURGE', 'LINK']) {
  test(`${method} gives back nothing of what it was sent`, async () => {
    for (const path of ['/', '/auth', '/healthz']) {
      const answer = await send(`${method} ${path} HTTP/1.1\r\nHost: a\r\nX-Secret: 123456789\r\nCookie: a=b\r\n\r\n`);
      assert.match(statusesOf(answer)[0] ?? '', /^4/, path);
      assert.doesNotMatch(answer, /123456789/);
    }
  });
}

test('CONNECT makes no tunnel', async () => {
  const answer = await send(`CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\n\r\n${hidden}`);
  assert.ok(!statusesOf(answer).some((status) => status.startsWith('2')));
  assert.ok(statusesOf(answer).length <= 1);
});

test('two requests in one packet are two answers, in their order', async () => {
  assert.deepEqual(statusesOf(await send(`${get}\r\n${hidden}`)), ['200', '404']);
});
