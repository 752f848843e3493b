import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { pathOf } from '../../src/http/path.ts';

test('the path of a request target, absolute ones too', () => {
  const of = (url: string) => pathOf({ url } as IncomingMessage);
  assert.equal(of('/auth?service=a'), '/auth');
  assert.equal(of('http://auth.example.com/auth/token?x'), '/auth/token');
  assert.equal(of('*'), '/');
  assert.equal(of('//evil.example/auth'), '//evil.example/auth');
});
