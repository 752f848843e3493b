/** What a person types, and what a requester says about itself. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { quotable } from '../../src/terminal/said-by-requester.ts';
import { createUserCode, normalizeUserCode } from '../../src/terminal/user-code.ts';

test('a code is read whatever its case, spaces and dashes', () => {
  const typing = fc.constantFrom('', ' ', '-', '\u00a0', '.');
  fc.assert(
    fc.property(fc.array(typing, { minLength: 9, maxLength: 9 }), fc.boolean(), (between, isLower) => {
      const code = createUserCode();
      const letters = [...code.replace('-', '')];
      const typed = letters.map((letter, index) => `${between[index]}${letter}`).join('') + between[8];
      assert.equal(normalizeUserCode(isLower ? typed.toLowerCase() : typed), letters.join(''));
    }),
  );
  for (const wrong of ['', 'WDJB', 'WDJB-MJHA', 'WDJB-MJHTT', 'x'.repeat(10_000)])
    assert.equal(normalizeUserCode(wrong), null);
});

describe('what a requester says is quoted', () => {
  const table: readonly [said: string, quoted: string][] = [
    ['ana-laptop', 'ana-laptop'],
    ['  build\tserver\n1 ', 'build server 1'],
    ['\u202Eevil\u200b', 'evil'],
    ['рaypal', 'unknown'],
    ['Ноутбук', 'Ноутбук'],
    ['Ноутбук-Ελλάδα', 'unknown'],
    ['ana שלום', 'unknown'],
    ['東京のノート laptop', '東京のノート laptop'],
    ['\u0000\u001b[31m', '[31m'],
    ['', 'unknown'],
    ['x'.repeat(100), 'x'.repeat(40)],
  ];
  for (const [said, quoted] of table) {
    test(JSON.stringify(said.slice(0, 20)), () => assert.equal(quotable(said, 'unknown'), quoted));
  }
});
