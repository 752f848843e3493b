import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import express from 'express';
import { notFound, replyToErrors } from '../../src/http/error-replies.ts';
import { createRequesterReader, createTrust } from '../../src/http/requester.ts';
import { Refusal } from '../../src/lib/errors.ts';
import { collectLog } from '../support/collected-log.ts';
import { send, withServer } from '../support/listening.ts';

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
  app.use(notFound);
  app.use(
    replyToErrors({
      log,
      requesterOf: createRequesterReader(createTrust([])),
      page: (response, refusal) => response.send(`<p>${refusal.message}</p>`),
    }),
  );

  test('a program that accepts more than any browser does is not asked what it likes best', () =>
    withServer(app, async (url) => {
      const typeFor = async (accept: string) =>
        (await fetch(`${url}/busy`, { headers: { accept } })).headers.get('content-type');
      assert.match((await typeFor('text/html')) ?? '', /^text\/html/);
      assert.match((await typeFor(`text/html,${'a/b,'.repeat(1_000)}`)) ?? '', /^application\/json/);
    }));

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
      assert.match(await response.text(), /<p>We couldn’t find that page/);
    }));

  test('a server error is in the log, not in the answer', () =>
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
