/** An address is one account, in whichever form its internationalized domain is written; everything else is compared as written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask } from './asking.ts';

const ascii = 'ana@xn--bcher-kva.example';
const unicode = 'ana@bücher.example';

const table: readonly [pattern: string, matching: readonly string[], others: readonly string[]][] = [
  [unicode, [ascii, unicode], ['bo@bücher.example', 'ana@bucher.example', 'ana@xn--bcher-kva.example.org']],
  ['ana@BÜCHER.example', [ascii, unicode], []],
  [ascii, [ascii, unicode], ['ana@xn--bcher-kvb.example']],
  ['*@bücher.example', [ascii, unicode], ['ana@xn--bcher-kvb.example']],
  ['*@*.example', [ascii, unicode], ['ana@xn--bcher-kva.example.org']],
  [String.raw`/@xn--bcher-kva\.example$/`, [ascii, unicode], ['ana@example.com']],
  // An expression isn't translated.
  [String.raw`/@bücher\.example$/`, [unicode], [ascii]],
  // DNS leaves the character out, but it's another account here.
  ['ana@example.com', ['ana@example.com'], ['ana@exam\u034fple.com', 'ana@example.co']],
  ['Ana@Example.com', ['Ana@Example.com'], ['ana@example.com']],
  ['bücher', ['bücher'], ['xn--bcher-kva', 'Bücher']],
];

for (const [pattern, matching, others] of table) {
  test(`account ${pattern}`, () => {
    const match = `account: '${pattern}'`;
    const allowing = `acl: [{match: {${match}}, actions: ["*"]}]`;
    const denying = `acl: [{match: {${match}}, actions: []}, {match: {type: repository}, actions: ["*"]}]`;
    for (const account of matching) {
      assert.equal(ask(allowing, { account }), 'pull,push', account);
      assert.equal(ask(denying, { account }), '', `denied: ${account}`);
    }
    for (const account of others) {
      assert.equal(ask(allowing, { account }), '', `not ${account}`);
      assert.equal(ask(denying, { account }), 'pull,push', `not denied: ${account}`);
    }
  });
}

test('a name built from the account has it as its owner logs in', () => {
  const policy = `acl: [{match: {account: '${unicode}', name: "\${account}/*"}, actions: ["*"]}]`;
  assert.equal(ask(policy, { account: ascii, name: `${ascii}/app` }), 'pull,push');
  assert.equal(ask(policy, { account: ascii, name: `${unicode}/app` }), '');
});
