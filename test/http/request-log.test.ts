import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import { logRequest } from '../../src/http/request-log.ts';
import { createRequesterReader, createTrust } from '../../src/http/requester.ts';
import { collectLog } from '../support/collected-log.ts';
import { withServer } from '../support/listening.ts';

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
