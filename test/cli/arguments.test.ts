/** What is refused in the words after a command, before anything is done. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { runCommand } from '../../src/cli/cli.ts';

async function run(words: readonly string[]) {
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  const code = await runCommand(words, { environment: {}, input: Readable.from([]), out: say, err: say });
  return { code, said: lines.join('\n') };
}

describe('usage errors', () => {
  const refused: [string, string[], RegExp][] = [
    [
      'an option that can be given once and is repeated: one value would be forgotten',
      ['revocation', 'create', '--created-before', '2000-01-01', '--created-before', '2099-01-01', '--yes'],
      /^--created-before can be given only once\.\nUsage: /,
    ],
    ['also with the same value', ['init', '--folder=a', '--folder', 'a'], /^--folder can be given only once\./],
    [
      'an empty value, as an unset variable leaves it',
      ['init', '--folder', ''],
      /^--folder is empty\. It needs a value/,
    ],
    ['an empty value after "="', ['doctor', 'https://r', '--registry-config='], /^--registry-config is empty\./],
    [
      'an empty one of several values',
      ['policy', 'explain', 'a@b', 'registry:catalog:*', '--group', ' '],
      /^--group is empty\. It needs a value: --group GROUP\./,
    ],
    ...(
      [
        [['https://r', '--provider', 'google'], 'URL and --provider are two checks'],
        [['--provider', 'google', '--workload', 'x'], '--provider and --workload are two checks'],
        [['https://r', '--registry-bundle', '/x'], '--registry-bundle needs --registry-config.'],
        [['https://r', '--id-token', '/x'], '--id-token needs --provider.'],
        [['--workload', 'x', '--ca', '/x'], '--ca needs URL.'],
        [['--provider', 'google', '--id-token', '/x'], "--id-token isn't for google"],
      ] as const
    ).map(([words, message]): [string, string[], RegExp] => [
      `doctor ${words.join(' ')}, which would not be looked at`,
      ['doctor', ...words],
      new RegExp(`^${message.replaceAll('.', '\\.')}`),
    ]),
    ['two options that are missing', ['copy'], /^--from, --to are missing\./],
    ['one option that is missing', ['copy', '--from', 'sqlite:x'], /^--to is missing\./],
  ];
  for (const [name, words, message] of refused) {
    test(name, async () => {
      const { code, said } = await run(words);
      assert.equal(code, 2, said);
      assert.match(said, message);
    });
  }
});

test('an option that can be repeated is, and so is a flag', async () => {
  const words = ['policy', 'explain', 'a@b', 'registry:catalog:*', '--group', 'a', '--group', 'b', '--json', '--json'];
  const { said } = await run([...words, '--policy', '/nowhere/policy.yml']);
  assert.match(said, /\/nowhere\/policy\.yml/);
});
