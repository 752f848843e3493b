/** Which addresses a person may have here: those that can be told apart, typed, and put into the name of a repository. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formsOf, isUsableEmail, otherFormOf, withAsciiDomain } from '../../src/identity/email.ts';

const usable = [
  'ana@example.com',
  'Ana.Berg+docker@sub.example.co.uk',
  "o'neil_x@example.com",
  'ana@localhost',
  'josé@empresa.example',
  'jose\u0301@empresa.example',
  '用户@例子.example',
  'ana@xn--mnchen-3ya.example',
  `${'a'.repeat(242)}@example.com`,
];
for (const email of usable) test(`usable: ${email}`, () => assert.ok(isUsableEmail(email)));

const refused = [
  '',
  'ana',
  '@example.com',
  'ana@',
  'ana@bo@example.com',
  'a:b@example.com',
  'ana @example.com',
  'ana\u0000@example.com',
  'a\u200bna@example.com',
  'a\u00adna@example.com',
  '\u202eana@example.com',
  'ana\u2066@example.com',
  'ana\ufeff@example.com',
  'ana@example\uff0ecom',
  'ana@example\u3002com',
  'ana\u2024berg@example.com',
  'ana\u2215x@example.com',
  '\uff41na@example.com',
  '\ufb01na@example.com',
  'ana\ud800@example.com',
  'ana\u0378@example.com',
  '../ana@example.com',
  '..@example.com',
  'ana..berg@example.com',
  '.ana@example.com',
  'ana.@example.com',
  'ana@example..com',
  'a/b@example.com',
  '**@example.com',
  'an?@example.com',
  '[a-z]@example.com',
  'a\\b@example.com',
  '"ana"@example.com',
  '<b>@example.com',
  'a,b@example.com',
  `${'a'.repeat(243)}@example.com`,
];
for (const email of refused) test(`refused: ${JSON.stringify(email)}`, () => assert.ok(!isUsableEmail(email)));

const compared: readonly [written: string, compared: string][] = [
  ['ana@bücher.example', 'ana@xn--bcher-kva.example'],
  ['josé@BÜCHER.example', 'josé@xn--bcher-kva.example'],
  ['ana@bu\u0308cher.example', 'ana@xn--bcher-kva.example'],
  ['*@*.bücher.example', '*@*.xn--bcher-kva.example'],
  ['josé@Example.COM', 'josé@Example.COM'],
  ['Bücher', 'Bücher'],
  // DNS leaves these characters out.
  ['ana@exam\u034fple.com', 'ana@exam\u034fple.com'],
  ['ana@bü\u034fcher.example', 'ana@bü\u034fcher.example'],
];
for (const [written, ascii] of compared) {
  test(`compared: ${JSON.stringify(written)}`, () => assert.equal(withAsciiDomain(written), ascii));
}

test('a login has the domain in either form', () => {
  assert.deepEqual(formsOf('ana@xn--bcher-kva.example'), ['ana@xn--bcher-kva.example', 'ana@bücher.example']);
  assert.deepEqual(formsOf('ana@example.com'), ['ana@example.com']);
  assert.equal(otherFormOf('ANA@BÜCHER.example'), 'ana@xn--bcher-kva.example');
  assert.equal(otherFormOf('ana@xn--bcher-kva.example'), 'ana@bücher.example');
  assert.equal(otherFormOf('ana@example.com'), null);
});
