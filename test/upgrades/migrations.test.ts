/** What keeps two versions running on one database: released migrations never change, and new ones only add. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readMigrations } from '../../src/store/open.ts';

/** SHA-256 of what each released migration does; its comments may be corrected. */
const released: Readonly<Record<string, string>> = {
  '0001_init': '7e902001d0629ba0',
  '0002_off_boarding': '3e845a0e90641c51',
  '0003_signing_key': '9120927ebf185f88',
  '0004_failed_login': '1448897b2b1613fd',
  '0005_identity_token': 'd8b8ef8860a8f9ed',
  '0006_administration': 'd384fcf98e4409c0',
  '0007_search': '93a45932974a066f',
  '0008_imported_passwords': 'f4193293e826ee46',
};

const withoutComments = (text: string): string => text.replaceAll(/\s*--.*$/gm, '').trim();

test('a released migration does what it did', async () => {
  const hashes = (await readMigrations())
    .filter(({ name }) => name in released)
    .map(({ name, text }) => [name, createHash('sha256').update(withoutComments(text)).digest('hex').slice(0, 16)]);
  assert.deepEqual(Object.fromEntries(hashes), released);
});

test('a new migration only adds, or is marked as incompatible', async () => {
  const added = (await readMigrations()).filter(({ name }) => !(name in released) && !name.endsWith('_incompatible'));
  for (const { name, text } of added) {
    for (const statement of withoutComments(text).toLowerCase().split(';')) {
      assert.doesNotMatch(statement, /\b(?:drop (?:table|column)|rename|alter column)\b/, `${name}: ${statement}`);
      const required = /\badd column\b.*\bnot null\b(?!.*\bdefault\b)/s;
      assert.doesNotMatch(statement, required, `${name}: an older version doesn't fill it: ${statement}`);
    }
  }
});

test('the release notes name each migration that an older version refuses', async () => {
  const notes = readFileSync('CHANGELOG.md', 'utf8');
  const marked = (await readMigrations()).filter(({ name }) => name.endsWith('_incompatible'));
  for (const { name } of marked) assert.ok(notes.includes(name), name);
});
