/** What a request that comes again is spared, and what it is not. */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import { anonymous, type Identity } from '../../src/identity/identity.ts';
import { Refusal } from '../../src/lib/errors.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { createGranting } from '../../src/token/grant.ts';
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

describe('granting', () => {
  const policyOf = (network: string, actions: string) =>
    parsePolicy(`acl: [{ match: { ip: ${network}, service: registry }, actions: [${actions}] }]`, 'policy.yml');
  const policy = policyOf('10.0.0.0/8', 'pull');
  const ana: Identity = { ...anonymous, kind: 'person', account: 'ana@example.com' };
  const scopes = [{ type: 'repository', name: 'team/app', actions: ['pull', 'push'] }];
  const context = { service: 'registry', address: '10.0.0.7' };

  test('what is the same in all that a decision depends on is decided once', () => {
    const decideScopes = createGranting();
    const first = decideScopes(policy, ana, scopes, context);
    assert.deepEqual(first.granted, ['repository:team/app:pull']);
    assert.deepEqual(first.asked, ['repository:team/app:pull,push']);
    assert.equal(decideScopes(policy, ana, scopes, { ...context }), first);
  });

  const pullAndPush = ['repository:team/app:pull,push'];
  const limited = { ...ana, limits: { actions: [], repositories: null } };
  const changes: [what: string, decide: (by: ReturnType<typeof createGranting>) => { granted: unknown }, unknown[]][] =
    [
      ['the policy', (by) => by(policyOf('10.0.0.0/8', '"*"'), ana, scopes, context), pullAndPush],
      ['the identity', (by) => by(policy, limited, scopes, context), []],
      ['the address', (by) => by(policy, ana, scopes, { ...context, address: '192.0.2.1' }), []],
      ['the registry', (by) => by(policy, ana, scopes, { ...context, service: 'other' }), []],
    ];
  for (const [what, decideAgain, granted] of changes) {
    test(`${what} being another, it is decided anew`, () => {
      const decideScopes = createGranting();
      decideScopes(policy, ana, scopes, context);
      assert.deepEqual(decideAgain(decideScopes).granted, granted);
      assert.deepEqual(decideScopes(policy, ana, scopes, context).granted, ['repository:team/app:pull']);
    });
  }
});
