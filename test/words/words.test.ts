/** Texts that people read have no word of words.txt: pages, messages, help, docs. Quotations are in allowed.txt, each by its line. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { textsIn } from './texts.ts';

const here = (name: string): URL => new URL(name, import.meta.url);
const linesOf = (name: string): string[] =>
  readFileSync(here(name), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

const words = linesOf('words.txt').map((line) => {
  const [word = '', advice = ''] = line.split('\t');
  // The month is no modal verb.
  const isModal = word === 'may';
  return { pattern: new RegExp(`(?<![\\w'-])(?:${word})(?![\\w-])`, isModal ? 'u' : 'iu'), advice };
});

const allowed = linesOf('allowed.txt').map((line) => {
  const [, file = '', text = ''] = /^([^:]+):(.*)$/.exec(line) ?? [];
  return { file, text };
});

const files = [
  ...globSync(['src/**/*.ts', 'views/**/*.eta', 'docs/**/*.md', '*.md']).filter(
    (file) => file !== 'CODE_OF_CONDUCT.md',
  ),
  '.env.example',
].sort();

test('no text has a word that we do not use', () => {
  const found = files.flatMap((file) =>
    textsIn(file, readFileSync(file, 'utf8')).flatMap(({ line, text }) =>
      words.flatMap(({ pattern, advice }) => {
        const own = allowed.reduce((rest, one) => (one.file === file ? rest.replaceAll(one.text, '') : rest), text);
        const [word] = pattern.exec(own) ?? [];
        if (word === undefined) return [];
        return `${file}:${line}: "${word}" (write: ${advice}) in: ${text.trim().slice(0, 120)}`;
      }),
    ),
  );
  assert.deepEqual(found, []);
});

test('what is allowed is still there', () => {
  const gone = allowed.filter(({ file, text }) => !readFileSync(file, 'utf8').includes(text));
  assert.deepEqual(gone, []);
});

test('texts are found in code, pages and docs, and code is not one', () => {
  const textsOf = (file: string, text: string) => textsIn(file, text).map((one) => [one.line, one.text]);
  assert.deepEqual(
    textsOf(
      'a.ts',
      '// nobody\nconst a = "Hello you"; /* whom */\nconst b = `Some ${nobody(\'who else\')} here`;\nx = /may be/;',
    ),
    [
      [2, 'Hello you'],
      [3, 'Some '],
      [3, 'who else'],
      [3, ' here'],
    ],
  );
  assert.deepEqual(textsOf('a.eta', '<%_ /* whom */ -%>\n<p class="alone">Hello <%= it.nobody %> there</p>'), [
    [2, 'Hello '],
    [2, ' there'],
  ]);
  assert.deepEqual(textsOf('a.md', 'Text `code may` more\n```sh\ncode may # a note\n```\nend'), [
    [1, 'Text   more'],
    [3, ' a note'],
    [5, 'end'],
  ]);
});
