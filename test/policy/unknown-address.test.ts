/** What someone is granted where a proxy doesn't say from where they ask: never more than from any address. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parsePolicy } from '../../src/policy/acl.ts';
import { decide } from '../../src/policy/decide.ts';
import { somebody } from './asking.ts';

const access = { type: 'repository', name: 'team/web', actions: ['pull', 'push'] };
const ask = (rules: string, address: string) =>
  decide(parsePolicy(`acl:\n${rules}`, 'p'), somebody('cy@example.com'), access, { service: 'r', address }).granted;

test('a rule that allows an address does not hold, and one that denies an address does', () => {
  const office = '  - { match: { ip: 203.0.113.0/24 }, actions: [pull, push] }\n';
  assert.deepEqual(ask(office, '203.0.113.9'), ['pull', 'push']);
  assert.deepEqual(ask(office, 'unknown'), []);
  const denied = `  - { match: { ip: 10.0.0.0/8 }, actions: [] }\n  - { match: { domain: example.com }, actions: ["*"] }\n`;
  assert.deepEqual(ask(denied, '203.0.113.9'), ['pull', 'push']);
  assert.deepEqual(ask(denied, 'unknown'), []);
});

test('for any policy, an unknown address gets no more than any address would', () => {
  const rule = fc.record({
    match: fc.constantFrom(
      '{ ip: 10.0.0.0/8 }',
      '{ ip: 10.1.0.0/16 }',
      '{ ip: "::/0" }',
      '{ account: "*" }',
      '{ ip: 0.0.0.0/0, name: "team/**" }',
    ),
    actions: fc.subarray(['pull', 'push']),
  });
  const address = fc.constantFrom('10.0.0.1', '10.1.0.1', '192.0.2.1', '2001:db8::1');
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 5 }), address, (rules, from) => {
      const text = rules.map(({ match, actions }) => `  - { match: ${match}, actions: [${actions}] }\n`).join('');
      const known = ask(text, from);
      for (const action of ask(text, 'unknown')) assert.ok(known.includes(action), `${text} from ${from}`);
    }),
  );
});
