/** The table of commands: each says what it takes and answers, so that help, completion and the manual page can. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { operandNames } from '../../src/cli/arguments.ts';
import { commandGroups } from '../../src/cli/command-groups.ts';

const commands = commandGroups.flatMap((group) => group.commands);

/** What these write is a stream, a script or a page, and not an answer. */
const withoutJson = ['serve', 'policy eval', 'completion', 'man'];

test('every command has --json with its fields, except those whose output is not an answer', () => {
  const without = commands.filter(({ json }) => json === undefined).map(({ name }) => name);
  assert.deepEqual(without.sort(), withoutJson.sort());
});

describe('every command', () => {
  for (const { name, usage, summary, details = [], options = {}, json, operands } of commands) {
    test(name, () => {
      for (const [option, { type, value, help }] of Object.entries(options)) {
        assert.ok(help !== undefined && help !== '', `--${option} has no help`);
        assert.equal(value === undefined, type === 'boolean', `--${option}: a value has a name, a flag has none`);
        assert.ok(!usage.includes('=') || type, option);
        const isShown = usage.includes(`--${option}`) || usage.includes('[...]');
        assert.ok(isShown, `the usage lacks --${option}`);
      }
      assert.equal(usage.includes('--json'), json !== undefined, 'the usage and --json');
      assert.ok(!summary.endsWith('.') && summary.length <= 120, summary);
      assert.deepEqual(
        details.filter((line) => /^\s+--/.test(line)),
        [],
        'an option is explained where it is defined',
      );
      assert.ok(operandNames({ usage }).length >= Math.min(operands[1], 1), 'the usage names what is required');
    });
  }
});
