/** Where a sign-in may lead: only to pages of ours. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { safeReturnTo } from '../../src/web/return-to.ts';

for (const address of [
  '/',
  '/passwords/new',
  '/passwords?state=live#top',
  '/a/../b',
  '/%2F%2Fevil.com',
  '/a//b',
  '/ä',
]) {
  test(`${address} is ours`, () => assert.equal(safeReturnTo(address, ''), address));
}

const foreign = [
  ...[
    '',
    'passwords',
    '//evil.com',
    '///evil.com',
    'https://evil.com/',
    'javascript:alert(1)',
    '@evil.com',
    '?x',
    '#x',
  ],
  ...['/\\evil.com', '\\\\evil.com', '/\t/evil.com', '/\n/evil.com', '\t//evil.com', ' //evil.com', '/\u2028x', '/\0'],
  ...[
    '/..//evil.com',
    '/.//evil.com',
    '/a/..//evil.com',
    '/%2e%2e//evil.com',
    '/%2e//evil.com',
    `/${'x'.repeat(2_048)}`,
  ],
  ...[undefined, null, 7, ['/a'], { toString: () => '/a' }],
];
for (const address of foreign) {
  test(`${JSON.stringify(address)?.slice(0, 40)} is not ours`, () => assert.equal(safeReturnTo(address, ''), '/'));
}

test('with a prefix, only what is below it', () => {
  for (const address of ['/dockpass', '/dockpass/', '/dockpass/passwords?x=/..//y']) {
    assert.equal(safeReturnTo(address, '/dockpass'), address);
  }
  for (const address of [
    '/',
    '/other',
    '/dockpassed',
    '/dockpass/../other',
    '/dockpass/%2e%2e/other',
    '/dockpass/..',
  ]) {
    assert.equal(safeReturnTo(address, '/dockpass'), '/dockpass/', address);
  }
});

test('whatever is put in, a browser stays on the origin', () => {
  const piece = fc.constantFrom(
    '/',
    '\\',
    '.',
    '..',
    '%2e',
    '%2f',
    '%5c',
    'evil.com',
    '@',
    ':',
    '?',
    '#',
    '\t',
    '\r',
    ' ',
    'https:',
  );
  const address = fc.oneof(
    fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
    fc.string(),
    fc.webUrl(),
  );
  fc.assert(
    fc.property(address, fc.constantFrom('', '/dockpass'), (value, prefix) => {
      const target = new URL(safeReturnTo(value, prefix), 'https://dockpass.example.com/dockpass/sign-in');
      assert.equal(target.origin, 'https://dockpass.example.com');
      assert.ok(target.pathname === prefix || target.pathname.startsWith(`${prefix}/`));
      assert.ok(!target.pathname.startsWith('//'));
    }),
    { numRuns: 500 },
  );
});
