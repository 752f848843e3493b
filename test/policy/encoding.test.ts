/** Bytes that are no UTF-8: told with their place, never read as other characters. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeUtf8 } from '../../src/policy/encoding.ts';

test('UTF-8 is read as it is', () => {
  assert.equal(decodeUtf8(Buffer.from('# Grüße\nacl: []\n'), 'policy.yml'), '# Grüße\nacl: []\n');
  assert.equal(decodeUtf8(Buffer.of(), 'policy.yml'), '');
});

describe('refused', () => {
  const table: readonly [title: string, bytes: Buffer, problem: string][] = [
    [
      'Latin-1, where it begins',
      Buffer.from('acl:\n# Gr\xfc\xdfe', 'latin1'),
      "policy.yml:2:5: from here on it isn't UTF-8; save the file as UTF-8",
    ],
    [
      'Latin-1 in the first line, and after characters of several bytes',
      Buffer.concat([Buffer.from('# é '), Buffer.from('\xfc\nacl: []\n\xfc', 'latin1')]),
      "policy.yml:1:5: from here on it isn't UTF-8; save the file as UTF-8",
    ],
    [
      'half a character at the end',
      Buffer.from('acl: []\n# é').subarray(0, -1),
      "policy.yml:2:3: from here on it isn't UTF-8; save the file as UTF-8",
    ],
    ['UTF-16', Buffer.from('\ufeffacl: []', 'utf16le'), 'policy.yml:1:1: the file is UTF-16; save the file as UTF-8'],
    [
      'UTF-16 of the other order',
      Buffer.from('\ufeffacl: []', 'utf16le').swap16(),
      'policy.yml:1:1: the file is UTF-16; save the file as UTF-8',
    ],
  ];
  for (const [title, bytes, message] of table) {
    test(title, () => assert.throws(() => decodeUtf8(bytes, 'policy.yml'), { name: 'PolicyError', message }));
  }
});
