import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import { logRequest } from '../../src/http/request-log.ts';
import { createRequesterReader, createTrust } from '../../src/http/requester.ts';
import { collectLog } from '../support/collected-log.ts';
import { send, withServer } from '../support/listening.ts';

test('a request is one log line, with the id of the answer, without query, header or secret', async () => {
  const written = Promise.withResolvers<object>();
  const log = { ...collectLog().log, info: written.resolve };
  const requesterOf = createRequesterReader(createTrust([]));
  const listener: RequestListener = (request, response) => {
    logRequest(request, response, { log, requesterOf });
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

test('a secret is hidden however its address is escaped', async () => {
  const body = 'C'.repeat(36);
  const paths = [
    `/%64kp_${body}`,
    `/a/dk%70_${body}`,
    `/%2564kp%255f${body}`,
    `/dkr_%43${body.slice(1)}`,
    `/%zz%64%6B%6d%5F${body}%`,
  ];
  let written = Promise.withResolvers<object>();
  const log = { ...collectLog().log, info: (fields: object) => written.resolve(fields) };
  const requesterOf = createRequesterReader(createTrust([]));
  const listener: RequestListener = (request, response) => {
    logRequest(request, response, { log, requesterOf });
    response.writeHead(204).end();
  };
  await withServer(listener, async (url) => {
    for (const path of paths) {
      written = Promise.withResolvers();
      await send(url + path, {});
      const line = JSON.stringify(await written.promise);
      assert.doesNotMatch(line, /CCCC/, path);
      assert.match(line, /dk\?_…/, path);
    }
  });
});
