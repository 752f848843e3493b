import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { createServer, createStop } from '../../src/http/server.ts';
import { send, withServer } from '../support/listening.ts';

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

test('a stop lets the request in flight finish, and waits for no connection that has sent nothing', async () => {
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<ServerResponse>();
  const server = createServer(null, (_request, response) => arrive(response));
  const stop = createStop(server);
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
