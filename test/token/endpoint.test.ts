/** What the endpoint makes of its parts: how each may fail, what is told of a use, what is logged. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { Refusal } from '../../src/lib/errors.ts';
import type { TokenEndpointParts } from '../../src/token/endpoint.ts';
import { type Answer, password, startTokenService } from '../support/token-service.ts';

const fields = [
  ['service', 'registry.example.com'],
  ['scope', 'repository:team/a:pull,push'],
] as const;

async function start(t: TestContext, changes: Partial<TokenEndpointParts> = {}) {
  const tokens = await startTokenService(changes);
  t.after(() => tokens.stop());
  return tokens;
}

const failing = (error: Error): Partial<TokenEndpointParts> => ({
  authenticators: [{ recognises: () => true, verify: () => Promise.reject(error) }],
});
const errorOf = (answer: Answer) => (answer.body['errors'] as { code: string; message: string }[])[0];

test('a password that could not be checked is a 503, never "wrong password"', async (t) => {
  const tokens = await start(t, failing(new Error('connect ECONNREFUSED 10.0.0.5:5432')));
  const answer = await tokens.get(fields, { user: 'ana' });
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get('retry-after'), '5');
  assert.equal(answer.headers.get('www-authenticate'), null);
  assert.equal(errorOf(answer)?.code, 'UNAVAILABLE');
  assert.doesNotMatch(JSON.stringify(answer.body), /ECONNREFUSED/);
  assert.match(inspect(tokens.lines, { depth: 5 }), /level: 'error'.*ECONNREFUSED/s);
});

test('the reason why a right password cannot be used reaches its holder', async (t) => {
  const message = 'password "laptop" was revoked on 2026-11-01';
  const tokens = await start(t, failing(new Refusal('unauthenticated', message)));
  const answer = await tokens.get(fields, { user: 'ana' });
  assert.equal(answer.status, 401);
  assert.deepEqual(errorOf(answer), { code: 'UNAUTHORIZED', message });
});

test('a refusal for too many requests says when to come back', async (t) => {
  const tokens = await start(t, failing(new Refusal('too_many_requests', 'wait', { retryAfter: 30 })));
  const answer = await tokens.get(fields, { user: 'ana' });
  assert.equal(answer.status, 429);
  assert.equal(answer.headers.get('retry-after'), '30');
  assert.equal(errorOf(answer)?.code, 'TOOMANYREQUESTS');
});

test('a secret that no authenticator recognises is a 401', async (t) => {
  const tokens = await start(t, { authenticators: [] });
  assert.equal((await tokens.get(fields, { user: 'ana' })).status, 401);
});

test('a server error is a 500 that reveals nothing about it', async (t) => {
  const policy = () => {
    throw new TypeError('internal detail');
  };
  const tokens = await start(t, { policy });
  const answer = await tokens.get(fields, { user: 'ana' });
  assert.equal(answer.status, 500);
  assert.equal(errorOf(answer)?.code, 'UNKNOWN');
  assert.doesNotMatch(JSON.stringify(answer.body), /internal detail/);
  assert.match(inspect(tokens.lines, { depth: 5 }), /internal detail/);
});

test('a use is recorded for each token, and for nothing else', async (t) => {
  const tokens = await start(t);
  await tokens.get(fields, { user: 'ana', password: 'wrong' });
  await tokens.get(fields, { user: 'bo' });
  assert.deepEqual(
    tokens.uses.map(({ account }) => account),
    ['bo'],
  );
});

test('each request leaves one line, which names what was asked and granted, and no secret', async (t) => {
  const tokens = await start(t);
  const token = await tokens.get(fields, { user: 'bo' });
  const refused = await tokens.get(fields, { user: 'bo', password: 'hunter2' });
  const [first, second, ...others] = tokens.lines.map((line) => ({ ...line, fields: { ...line.fields } }));
  assert.deepEqual(others, []);
  assert.partialDeepStrictEqual(first, {
    level: 'info',
    fields: {
      requestId: token.headers.get('x-request-id'),
      status: 200,
      account: 'bo',
      service: 'registry.example.com',
      asked: ['repository:team/a:pull,push'],
      granted: ['repository:team/a:pull'],
      address: '127.0.0.1',
    },
  });
  assert.partialDeepStrictEqual(second, {
    level: 'info',
    fields: { requestId: refused.headers.get('x-request-id'), status: 401, address: '127.0.0.1' },
  });
  const text = inspect(tokens.lines, { depth: 9 });
  for (const secret of [password, 'hunter2', String(token.body['token'])]) assert.ok(!text.includes(secret));
});
