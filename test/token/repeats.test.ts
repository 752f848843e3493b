/** What a request that comes again is spared, and what it is not. */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import { Refusal } from '../../src/lib/errors.ts';
import { createRequestReader } from '../../src/token/request.ts';

const get = (url: string, authorization?: string, method = 'GET') =>
  ({
    method,
    url,
    rawHeaders: [],
    headers: { ...(authorization !== undefined && { authorization }) },
  }) as never as IncomingMessage;
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
const url = '/auth?service=registry&scope=repository%3Ateam%2Fapp%3Apull';

describe('reading a request', () => {
  test('the same GET, to the letter, is the same object', async () => {
    const read = createRequestReader();
    const first = await read(get(url, basic('ana:secret')));
    assert.equal(await read(get(url, basic('ana:secret'))), first);
    assert.deepEqual(first.proof, { kind: 'password', credentials: { username: 'ana', password: 'secret' } });
  });

  test('another password, none, and another query are read for themselves', async () => {
    const read = createRequestReader();
    await read(get(url, basic('ana:secret')));
    const other = await read(get(url, basic('ana:Secret')));
    assert.deepEqual(other.proof, { kind: 'password', credentials: { username: 'ana', password: 'Secret' } });
    assert.equal((await read(get(url))).proof, null);
    assert.deepEqual((await read(get(`${url}%2Cpush`))).scopes[0]?.actions, ['pull', 'push']);
  });

  test('credentials that cannot be read are refused each time, and so is another method', () => {
    const read = createRequestReader();
    for (const round of [1, 2]) {
      assert.throws(() => read(get(url, '')), Refusal, `round ${round}`);
      assert.throws(() => read(get(url, 'Bearer x')), Refusal);
      assert.throws(() => read(get(url, basic('ana:secret'), 'PUT')), /GET or POST/);
    }
  });

  test('a password as long as a CI token is read, and not kept', async () => {
    const read = createRequestReader();
    const long = basic(`ana:${'x'.repeat(16_000)}`);
    const first = await read(get(url, long));
    assert.notEqual(await read(get(url, long)), first);
    assert.deepEqual(await read(get(url, long)), first);
  });
});
