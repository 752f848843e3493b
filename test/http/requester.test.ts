import assert from 'node:assert/strict';
import type { IncomingMessage, RequestListener } from 'node:http';
import { describe, test } from 'node:test';
import { createRequesterReader, createTrust } from '../../src/http/requester.ts';
import { send, withServer } from '../support/listening.ts';

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
    ['is written as IPv4 where it is mapped in hexadecimals', ['127.0.0.0/8'], '::ffff:cb00:7109', '203.0.113.9'],
    ['is that behind a proxy that is mapped', ['127.0.0.0/8', '10.0.0.1'], '203.0.113.9, ::ffff:a00:1', '203.0.113.9'],
    ['is IPv6 in one form, without a zone', ['127.0.0.0/8'], '2001:DB8:0::9%eth0', '2001:db8::9'],
    ['is never that of the proxy that says no address', ['127.0.0.0/8'], '999.1.1.1:x<script>', 'unknown'],
    ['is unknown where the proxy does not know it', ['127.0.0.0/8', '10.0.0.1'], 'unknown, 10.0.0.1', 'unknown'],
    ['is unknown where it is quoted', ['127.0.0.0/8', '10.0.0.1'], '6.6.6.6, "10.0.0.1"', 'unknown'],
    ['is unknown where it may be octal', ['127.0.0.0/8', '10.0.0.1'], '6.6.6.6, 010.0.0.1', 'unknown'],
    ['is unknown where parts of it are missing', ['127.0.0.0/8'], '6.6.6.6, 127.1', 'unknown'],
  ];
  for (const [name, proxies, forwarded, expected] of cases) {
    test(name, async () => {
      const requesterOf = createRequesterReader(createTrust(proxies));
      const listener: RequestListener = (request, response) => response.end(requesterOf(request).address);
      await withServer(listener, async (url) => {
        const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
        assert.equal((await send(url, headers)).body, expected);
      });
    });
  }
});

test('the name of a client holds nothing that a terminal obeys, or that hides a secret', () => {
  const requesterOf = createRequesterReader(createTrust([]));
  const named = (userAgent: string) =>
    requesterOf({ headers: { 'user-agent': userAgent }, socket: {} } as IncomingMessage).userAgent;
  assert.equal(named('docker/1 \u009b31mred\u0007 \u00ad\u202egnp'), 'docker/1 31mred gnp');
  assert.equal(named('dkp_0123\u00ad45678\u200b9abcdef'), 'dk?_…');
  for (const before of ['ab_', 'ua\t', '%20', 'x\u200b'])
    assert.doesNotMatch(named(`${before}dkp_0123456789ab`), /0123/);
});
