/** Owns the command line: which words run which command, help, and exit codes. */

import { ConfigError } from '../config/config.ts';
import { errorCode, Refusal } from '../lib/errors.ts';
import { PolicyError } from '../policy/acl.ts';
import { type Command, readArguments, type Terminal, UsageError } from './command.ts';
import { serveCommands } from './serve.ts';

/**
 * Runs the command that the words name.
 * @returns the exit code: 0 done, 1 refused or failed, 2 not understood
 */
export async function runCommand(given: readonly string[], terminal: Terminal): Promise<number> {
  const commands = await commandsFor(given);
  const words = inSingular(given, commands);
  const command = commands.find((candidate) => isNamed(candidate, words));
  if (command === undefined) return explainCommands(words, commands, terminal);
  try {
    const { operands, values } = readArguments(command, words.slice(command.name.split(' ').length));
    if (values['help'] === true) {
      for (const line of helpOf(command)) terminal.out(line);
      return 0;
    }
    return await command.run(operands, values, terminal);
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.err(`${error.message}\nUsage: dockpass ${command.name} ${command.usage}`.trimEnd());
      return 2;
    }
    terminal.err(describeFailure(error));
    return 1;
  }
}

/** The service starts without what all other commands need. */
async function commandsFor(words: readonly string[]): Promise<readonly Command[]> {
  if (serveCommands.some((command) => isNamed(command, words))) return serveCommands;
  const { otherCommands } = await import('./other-commands.ts');
  return [...serveCommands, ...otherCommands];
}

function isNamed({ name: own }: Command, words: readonly string[]): boolean {
  return `${words.join(' ')} `.startsWith(`${own} `);
}

/** `passwords list` is what many say for `password list`. */
function inSingular(words: readonly string[], commands: readonly Command[]): readonly string[] {
  const [, group = ''] = /^(.+)s$/.exec(words[0] ?? '') ?? [];
  return commands.some((command) => command.name.startsWith(`${group} `)) ? [group, ...words.slice(1)] : words;
}

function explainCommands(words: readonly string[], commands: readonly Command[], terminal: Terminal): number {
  const [first] = words;
  const asked = first === undefined || first === 'help' || first === '--help' || first === '-h';
  const group = commands.filter((command) => first !== undefined && command.name.startsWith(`${first} `));
  const listed = group.length > 0 ? group : commands;
  const write = asked || words.includes('--help') ? terminal.out : terminal.err;
  if (!asked && group.length === 0) write(`There is no command "${words.join(' ')}".`);
  write('Usage: dockpass COMMAND [--help]');
  const width = Math.max(...listed.map((command) => command.name.length));
  for (const command of listed) write(`  ${command.name.padEnd(width)}  ${command.summary}`);
  return asked || words.includes('--help') ? 0 : 2;
}

function helpOf(command: Command): string[] {
  return [`Usage: dockpass ${command.name} ${command.usage}`.trimEnd(), command.summary, ...(command.details ?? [])];
}

/** An error that its reader can act on is shown as it is; any other keeps its stack for a bug report. */
function describeFailure(error: unknown): string {
  const expected = error instanceof Refusal || error instanceof ConfigError || error instanceof PolicyError;
  if (error instanceof Refusal && error.cause instanceof Error && !error.message.includes(error.cause.message)) {
    return `${error.message} (${error.cause.message})`;
  }
  if (expected) return error.message;
  if (!(error instanceof Error)) return String(error);
  const code = errorCode(error);
  return code !== '' ? `${error.message} (${code})` : (error.stack ?? error.message);
}
