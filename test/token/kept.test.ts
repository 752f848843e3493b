/** What is kept of a request that comes again, and that nothing which counts is. */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { Refusal } from '../../src/lib/errors.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import { createGranting } from '../../src/token/grant.ts';
import { createRequestReader } from '../../src/token/request.ts';
import { somebody } from '../policy/asking.ts';

const url = '/auth?service=registry&scope=repository%3Ateam%2Fapp%3Apull';
const get = (address: string, credentials?: string) =>
  ({
    method: 'GET',
    url: address,
    rawHeaders: [],
    headers: credentials === undefined ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
  }) as never as IncomingMessage;

test('the credentials of an address that comes again are read each time', async () => {
  const read = createRequestReader();
  for (const password of ['secret', 'Secret', 'secret']) {
    const { proof, scopes } = await read(get(url, `ana:${password}`));
    assert.deepEqual(proof, { kind: 'password', credentials: { username: 'ana', password } });
    assert.deepEqual(scopes, [{ type: 'repository', name: 'team/app', actions: ['pull'] }]);
  }
  assert.equal((await read(get(url))).proof, null);
  assert.deepEqual((await read(get(`${url}%2Cpush`))).scopes[0]?.actions, ['pull', 'push']);
});

test('a secret in an address is refused each time', async () => {
  const read = createRequestReader();
  for (let time = 0; time < 2; time += 1) await assert.rejects(read(get(`${url}&password=x`)), Refusal);
});

test('a grant is decided again when anything that it depends on is another', async () => {
  const policyOf = (actions: string) =>
    parsePolicy(`acl: [{match: {group: dev, name: team/*, service: r, ip: 10.0.0.0/8}, actions: [${actions}]}]`, 'p');
  const [pull, push] = [policyOf('pull'), policyOf('push')];
  const grant = createGranting();
  const dev = somebody('ana@a.org', { groups: ['dev'] });
  const scopes = [{ type: 'repository', name: 'team/app', actions: ['pull', 'push'] }];
  const context = { service: 'r', address: '10.0.0.1' };
  const granted = async (...[policy, identity, asked, where]: Parameters<typeof grant>) =>
    (await grant(policy, identity, asked, where)).granted;

  for (let time = 0; time < 2; time += 1) {
    // From the second time on it's kept.
    for (let again = 0; again < 3; again += 1) {
      assert.deepEqual(await granted(pull, dev, scopes, context), ['repository:team/app:pull']);
      assert.deepEqual(await granted(pull, { ...dev, groups: [] }, scopes, context), []);
      const limits = { actions: [], repositories: null };
      assert.deepEqual(await granted(pull, { ...dev, limits }, scopes, context), []);
      assert.deepEqual(await granted(pull, dev, scopes, { ...context, address: '192.0.2.1' }), []);
      assert.deepEqual(await granted(pull, dev, scopes, { ...context, service: 'other' }), []);
    }
    assert.deepEqual(await granted(push, dev, scopes, context), ['repository:team/app:push']);
  }
});
