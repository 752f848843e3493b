/** How the words of the command line find their command, and what is said about those that find none. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { runCommand } from '../../src/cli/cli.ts';

const quiet = { environment: {}, input: Readable.from([]), out() {}, err() {} };

async function run(...words: string[]) {
  const [out, notes]: [string[], string[]] = [[], []];
  const terminal = {
    environment: {},
    input: (async function* () {})(),
    out: (line: string) => out.push(line),
    err: (line: string) => notes.push(line),
  };
  return { code: await runCommand(words, terminal), out, notes };
}

test('the name of a group may be said in the plural; help has the singular', async () => {
  for (const words of ['password expiring', 'password revoke', 'robot list', 'key list']) {
    const [group = '', name = ''] = words.split(' ');
    const plural = await run(`${group}s`, name, '--help');
    assert.deepEqual(plural, await run(group, name, '--help'));
    assert.match(plural.out[0] ?? '', new RegExp(`^Usage: dockpass ${words}`));
  }
  const { notes } = await run('passwords');
  assert.ok(notes.some((line) => line.startsWith('  password expiring ')));
});

test('what is no group stays what was said, and is not understood', async () => {
  for (const words of [['passwordss', 'list'], ['s'], [''], ['serves'], ['healths']]) {
    const { code, notes, out } = await run(...words);
    assert.deepEqual([code, out], [2, []]);
    assert.ok(notes[0]?.startsWith(`There is no command "${words.join(' ')}".`), notes[0]);
  }
});

test('a word that is spelt wrong brings the command that was meant, and not the whole list', async () => {
  const meant = async (...words: string[]) =>
    /Did you mean "dockpass (.*)"/.exec((await run(...words)).notes[0] ?? '')?.[1];
  assert.equal(await meant('passwrd', 'list'), 'password list');
  assert.equal(await meant('password', 'lst', 'ana@example.com'), 'password list');
  assert.equal(await meant('sevre'), 'serve');
  assert.equal(await meant('robots', 'crate', 'ci'), 'robot create');
  assert.equal(await meant('xyzzy'), undefined);
  assert.equal((await run('passwrd', 'list')).notes.length, 2);
});

test('the first word of several commands lists them and says that a word is missing', async () => {
  const { code, notes } = await run('password');
  assert.equal(code, 2);
  assert.equal(notes[0], 'dockpass password needs one more word.');
  assert.ok(!notes.some((line) => line.startsWith('  robot')));
  const asked = await run('password', '--help');
  assert.equal(asked.code, 0);
  assert.deepEqual(asked.notes, []);
});

test('what is wrong with options and arguments is said in our own words', async () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['password create a@x --nme y', /^There is no option --nme here\. Did you mean --name\?$/m],
    ['password create a@x -n y', /^There is no option -n here\.$/m],
    ['password create a@x --name', /^--name needs a value: --name [A-Z]+\.$/m],
    [
      'password create a@x --name --days 3',
      /^--name needs a value, and "--days" looks like an option\. If it's meant, write --name=--days$/m,
    ],
    ['password list --quiet=yes', /^--quiet takes no value: leave "=yes" out\.$/m],
    ['password create --name y', /^EMAIL is missing\.$/m],
    ['robot confirm ci', /^PASSWORD-ID is missing\.$/m],
    ['password create a@x b --name y', /^"b" is not expected after a@x\./m],
    ['robot list x', /^"x" is not expected: this command takes only options\.$/m],
    ['password list --__proto__ x', /^There is no option --__proto__ here\.$/m],
  ];
  for (const [words, message] of wrong) {
    const { code, notes, out } = await run(...words.split(' '));
    assert.equal(code, 2, words);
    assert.match(notes.join('\n'), message);
    assert.match(notes.join('\n'), /^Usage: dockpass /m);
    assert.deepEqual(out, []);
  }
});

test('with --json a mistake is JSON too, alone on standard output', async () => {
  for (const words of ['password create --json', 'passwrd list --json', 'password --json', 'version extra --json']) {
    const { code, out, notes } = await run(...words.split(' '));
    assert.deepEqual([code, out.length, notes], [2, 1, []], words);
    const { error } = JSON.parse(out[0] ?? '');
    assert.deepEqual([error.code, typeof error.message], ['usage', 'string']);
  }
  const failed = await run('password', 'list', '--json');
  assert.deepEqual([failed.code, failed.notes], [1, []]);
  assert.equal(JSON.parse(failed.out.join()).error.code, 'misconfigured');
});

test('help is the same however it is asked for, and needs no settings', async () => {
  const help = await run('--help');
  assert.equal(help.code, 0);
  assert.match(help.out.join('\n'), /^Passwords\n[\s\S]*^Exit codes\n {2}0 {2}[\s\S]*^ {2}2 {2}/m);
  for (const words of [[], ['help'], ['-h']]) assert.deepEqual((await run(...words)).out, help.out);
  const own = await run('password', 'list', '--help');
  for (const words of [
    ['help', 'password', 'list'],
    ['password', 'list', '-h'],
  ]) {
    assert.deepEqual((await run(...words)).out, own.out);
  }
});

test('on a narrow screen, help breaks between words, and its columns stay', async () => {
  for (const words of [['doctor', '--help'], ['--help']]) {
    const wide = await run(...words);
    const narrow: string[] = [];
    await runCommand(words, { ...quiet, out: (line) => narrow.push(line), screen: { columns: 80, color: false } });
    const rest = (lines: readonly string[]) => lines.join(' ').replaceAll(/\s+/g, ' ');
    assert.equal(rest(narrow), rest(wide.out));
    const long = narrow.filter((line) => line.length > 80 && !/^Usage:|^ {7}dockpass/.test(line));
    assert.deepEqual(long, []);
  }
});

test('--version and version print the version, and nothing else', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  for (const words of ['--version', 'version']) assert.deepEqual((await run(words)).out, [version]);
  assert.deepEqual(JSON.parse((await run('version', '--json')).out.join()), { version, node: process.versions.node });
});
