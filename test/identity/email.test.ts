/** Which addresses a person may have here: those that can be told apart, typed, and put into the name of a repository. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isUsableEmail } from '../../src/identity/email.ts';

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
