import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import express from 'express';
import { refuseCrossSite } from '../../src/http/cross-site.ts';
import { replyToErrors } from '../../src/http/error-replies.ts';
import { createRequesterReader, createTrust } from '../../src/http/requester.ts';
import { collectLog } from '../support/collected-log.ts';
import { withServer } from '../support/listening.ts';

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
  app.use(refuseCrossSite(origin), (_request, response) => {
    response.send('done');
  });
  app.use(
    replyToErrors({
      log: collectLog().log,
      requesterOf: createRequesterReader(createTrust([])),
      page: (response, refusal) => response.send(`<p>${refusal.message}</p>`),
    }),
  );
  for (const [name, method, headers, status] of cases) {
    test(`${name}: ${status}`, () =>
      withServer(app, async (url) => {
        assert.equal((await fetch(url, { method, headers })).status, status);
      }));
  }
});
