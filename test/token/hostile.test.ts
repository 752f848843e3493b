/** What is sent by mistake or in bad faith: refused with a reason, never anonymous, and the next request is served. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import fc from 'fast-check';
import { type Answer, basic, password, startTokenService, type TokenService } from '../support/token-service.ts';

const target = '/auth?service=registry.example.com&scope=repository:public/a:pull';
const form = 'application/x-www-form-urlencoded';
const granted = `grant_type=password&username=ana&password=${encodeURIComponent(password)}`;

let tokens: TokenService;
before(async () => {
  tokens = await startTokenService();
});
after(() => tokens.stop());
afterEach(async () => {
  assert.equal((await tokens.get([['service', 'registry.example.com']], { user: 'ana' })).status, 200);
});

const withHeader = (Authorization: string) => tokens.send(target, { headers: { Authorization } });
const post = (body: RequestInit['body'], headers: Record<string, string> = {}) =>
  tokens.send(target, { method: 'POST', headers: { 'Content-Type': form, ...headers }, body: body ?? null });
const messageOf = (answer: Answer) => String(answer.body['details']);

test('an Authorization header that cannot be read is a 401', async () => {
  const encode = (text: string | Buffer) => `Basic ${Buffer.from(text).toString('base64')}`;
  const headers = [
    '',
    'x',
    'Basic',
    'Basic ',
    'Basic !!!',
    'Basic YTpi YTpi',
    'Bearer eyJhbGciOiJub25lIn0.e30.',
    'Digest username="ana"',
  ];
  for (const header of [...headers, encode('no colon'), encode(''), encode(Buffer.from([0xff, 0x3a, 0xfe]))]) {
    const answer = await withHeader(header);
    assert.equal(answer.status, 401, header);
    assert.match(messageOf(answer), /Authorization header/);
  }
});

test('nothing in an Authorization header makes a token or an error of the server', async () => {
  const text = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) });
  const headers = fc.oneof(
    text,
    text.map((rest) => `Basic ${rest}`),
    fc.string({ unit: 'binary' }).map((pair) => basic(pair, '')),
  );
  await fc.assert(
    fc.asyncProperty(headers, async (header) => assert.equal((await withHeader(header)).status, 401)),
    { numRuns: 100 },
  );
});

test('a scheme is recognised in any case', async () => {
  assert.equal((await withHeader(basic('ana', password).replace('Basic', 'bASIC'))).status, 200);
});

test('credentials that disagree are a 400', async () => {
  for (const other of [basic('bo', password), basic('ana', 'wrong')]) {
    const answer = await post(granted, { Authorization: other });
    assert.equal(answer.status, 400);
    assert.match(messageOf(answer), /different credentials/);
  }
});

test('a password grant that is not whole is refused', async () => {
  const forms = {
    'grant_type=password': /needs username and password/,
    'grant_type=password&username=ana': /needs username and password/,
    'grant_type=password&password=x': /needs username and password/,
    'grant_type=password&username=ana&password=x&password=y': /Duplicate field: password/,
    'username=ana&username=bo&password=x&grant_type=password': /Duplicate field: username/,
    'client_id=docker': /needs a grant_type/,
    '': /needs a grant_type/,
  };
  for (const [body, reason] of Object.entries(forms)) {
    const answer = await post(body);
    assert.equal(answer.status, 400, body);
    assert.match(messageOf(answer), reason);
  }
});

test('a refresh token is refused, not taken for anonymous', async () => {
  const answer = await post('grant_type=refresh_token&refresh_token=abc');
  assert.equal(answer.status, 401);
  assert.match(messageOf(answer), /identity token does not work here/);
  for (const body of ['grant_type=refresh_token', 'grant_type=refresh_token&refresh_token=']) {
    assert.match(messageOf(await post(body)), /needs a refresh_token/);
  }
  assert.equal((await tokens.send(`${target}&grant_type=refresh_token`, {})).status, 400);
  const both = await post('grant_type=refresh_token&refresh_token=abc', { Authorization: basic('ana', password) });
  assert.equal(both.status, 400);
});

test('a secret in the address is refused, right or wrong', async () => {
  for (const field of [
    `password=${encodeURIComponent(password)}&username=ana&grant_type=password`,
    'refresh_token=x',
  ]) {
    const answer = await tokens.send(`${target}&${field}`, {});
    assert.equal(answer.status, 400);
    assert.match(messageOf(answer), /in the body of a POST/);
    assert.equal((await tokens.send(`${target}&${field}`, { method: 'POST' })).status, 400);
  }
});

test('a body that is not a form is a 400', async () => {
  for (const type of [
    'application/json',
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencodedx',
  ]) {
    assert.equal((await post('{"grant_type":"password"}', { 'Content-Type': type })).status, 400, type);
  }
  assert.equal((await post(Buffer.from([0, 255, 254, 37, 37, 61, 38, 0]))).status, 400);
});

test('a form of 120 KB is read; one of 1 MB is a 413, with or without its length', async () => {
  assert.equal((await post(`${granted}&padding=${'x'.repeat(120 * 1_024)}`)).status, 200);
  const huge = Buffer.alloc(1024 * 1024, 'x');
  assert.equal((await post(huge)).status, 413);
  const pieces = new Blob([huge]).stream();
  const chunked = { method: 'POST', headers: { 'Content-Type': form }, body: pieces, duplex: 'half' } as RequestInit;
  assert.equal((await tokens.send(target, chunked)).status, 413);
});

test('thousands of fields or scopes are refused, in the form and in the address, and none is cut', async () => {
  const scopes = Array.from({ length: 3_000 }, (_, index) => `repository:r${index}:pull`).join('+');
  const [tooMany, tooManyParameters] = [/more than 2000 scopes/, /more than 2050 parameters/];
  const answers: readonly [answer: Answer, message: RegExp][] = [
    [await post(`${granted}&scope=${scopes}`), tooMany],
    [await post(`${granted}&scope=${'a+'.repeat(20_000)}`), tooMany],
    [await post(`${granted}${'&scope=a'.repeat(10_000)}`), tooManyParameters],
    [await post(`${granted}${'&a'.repeat(60_000)}`), tooManyParameters],
    [await tokens.send(`/auth?${'scope=a&'.repeat(7_000)}`, {}), tooManyParameters],
    [await tokens.send(`/auth?scope=${'a+'.repeat(30_000)}`, {}), tooMany],
    [await post(`${granted}&scope=${'a'.repeat(100_000)}`), /more than 64 KB of scopes/],
  ];
  for (const [answer, message] of answers) {
    assert.equal(answer.status, 400);
    assert.match(messageOf(answer), message);
  }
});

/** Sends bytes on a connection of their own and gives up at once, or when the other side has answered. */
async function sendRaw(text: string, wait: 'hang up' | 'read'): Promise<string> {
  const socket = connect(Number(new URL(tokens.url).port), '127.0.0.1');
  await once(socket, 'connect');
  let answer = '';
  socket.setEncoding('utf8').on('data', (piece: string) => {
    answer += piece;
    socket.end();
  });
  await new Promise((resolve) => socket.write(text, resolve));
  if (wait === 'hang up') socket.destroy();
  await once(socket, 'close');
  return answer;
}

test('after a client that leaves in the middle of its request, the next one is served', async () => {
  const head = `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Type: ${form}\r\nContent-Length: 1000\r\n\r\n`;
  const whole = `GET ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic('ana', password)}\r\n\r\n`;
  for (const request of [`${head}grant_type=pass`, head, head.slice(0, 30), whole]) {
    await sendRaw(request, 'hang up');
    const { status, body } = await withHeader(basic('ana', password));
    assert.deepEqual([status, typeof body['token']], [200, 'string']);
  }
});

test('a POST without a body is answered, and so is what follows it on the connection', async () => {
  const answer = await sendRaw(
    `POST ${target} HTTP/1.1\r\nHost: x\r\n\r\nGET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    'read',
  );
  assert.match(answer, /^HTTP\/1\.1 400 .*The form needs a grant_type.*HTTP\/1\.1 200 .*"token":/s);
});

test('half a character and wrong escapes in the address are ignored', async () => {
  const answer = await sendRaw(`GET ${target}&scope=%ff%zz%&account=%00 HTTP/1.1\r\nHost: x\r\n\r\n`, 'read');
  assert.match(answer, /^HTTP\/1\.1 200 /);
});

test('what Node cannot read is answered in the words of a registry', async () => {
  const host = 'Host: x\r\n';
  for (const [request, status] of [
    [`GET ${target} HTTP/1.1\r\n${host}Authorization: Basic ${'A'.repeat(70_000)}\r\n\r\n`, 431],
    [`GET ${target} HTTP/1.1\r\n${host}X: a\0b\r\n\r\n`, 400],
    [`GET ${target} HTTP/1.1\r\n${host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
    ['hello\r\n\r\n', 400],
  ] as const) {
    const [head = '', body = ''] = (await sendRaw(request, 'read')).split('\r\n\r\n');
    assert.match(head, new RegExp(`^HTTP/1.1 ${status} .*Content-Type: application/json\r\n`, 's'));
    assert.match(head, /^Connection: close$/m);
    const { errors, details } = JSON.parse(body);
    assert.deepEqual(errors, [{ code: 'UNSUPPORTED', message: details }]);
  }
});

test('two Authorization headers are a 400, whatever they say', async () => {
  const header = `Authorization: ${basic('ana', password)}\r\n`;
  const answer = await sendRaw(`GET ${target} HTTP/1.1\r\nHost: x\r\n${header}${header}\r\n`, 'read');
  assert.match(answer, /^HTTP\/1\.1 400 .*Authorization header more than once/s);
});

test('two services are a 400, wherever they are named; the same one twice is one', async () => {
  const other = '&service=other.example.com';
  for (const answer of [
    await tokens.send(`${target}${other}`, {}),
    await post(granted.concat(other)),
    await tokens.send(`/auth?${other.slice(1)}`, {
      method: 'POST',
      headers: { 'Content-Type': form },
      body: `${granted}&service=registry.example.com`,
    }),
  ]) {
    assert.equal(answer.status, 400);
    assert.match(messageOf(answer), /more than one service/);
  }
  assert.equal((await tokens.send(`${target}&service=&service=registry.example.com`, {})).status, 200);
});

test('a body that says it is too large is refused before it comes', async () => {
  const head = `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Type: ${form}\r\nContent-Length: 10000000000\r\n\r\n`;
  assert.match(await sendRaw(head, 'read'), /^HTTP\/1\.1 413 /);
});
