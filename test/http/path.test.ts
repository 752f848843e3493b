import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { originFormOf, pathOf } from '../../src/http/path.ts';

test('the path of a request target, absolute ones too', () => {
  const of = (url: string) => pathOf({ url } as IncomingMessage);
  assert.equal(of('/auth?service=a'), '/auth');
  assert.equal(of('http://auth.example.com/auth/token?x'), '/auth/token');
  assert.equal(of('*'), '/');
  assert.equal(of('//evil.example/auth'), '//evil.example/auth');
});

test('an absolute target loses its host, and what no one could read alike is none', () => {
  for (const [target, expected] of [
    ['/a?b=http://c', '/a?b=http://c'],
    ['*', '*'],
    ['http://auth.example.com/auth?x', '/auth?x'],
    ['HTTPS://auth.example.com:8443', '/'],
    ['http://auth.example.com?x', '/?x'],
    ['http://[::1]/a/../b', '/a/../b'],
    ['http://%/', null],
    ['http://%41/', null],
    ['http://x%2f/', null],
    ['http://[::1/', null],
    ['http://?x', null],
    ['http:///auth', null],
    ['file:///auth', null],
    ['auth', null],
    ['', null],
  ] as const)
    assert.equal(originFormOf(target), expected, target);
});
