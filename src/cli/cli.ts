/** Owns the command line: which words run which command, and what comes out where it isn't understood or fails. */

import { ConfigError } from '../config/config.ts';
import { errorCode, Refusal } from '../lib/errors.ts';
import { versionOfDockpass } from '../lib/version.ts';
import { PolicyError } from '../policy/acl.ts';
import { readArguments } from './arguments.ts';
import { type Command, type Streams, UsageError, type Values } from './command.ts';
import { type CommandGroup, helpOf, listCommands, listEnd, meantCommand } from './help.ts';
import { watchWork } from './progress.ts';
import { serveCommands } from './serve.ts';

/**
 * Runs the command that the words name.
 * @returns the exit code, as `exitCodes` lists them
 */
export async function runCommand(given: readonly string[], terminal: Streams): Promise<number> {
  if (given[0] === '--version') {
    terminal.out(versionOfDockpass());
    return 0;
  }
  const groups = await groupsFor(given);
  const commands = groups.flatMap((group) => group.commands);
  const words = inSingular(given, commands);
  const command = commands.find((candidate) => isNamed(candidate, words));
  if (command === undefined) return explainCommands(words, groups, terminal);
  try {
    const { operands, values } = readArguments(command, words.slice(command.name.split(' ').length));
    if (values['help'] === true) return write(helpOf(command, terminal.screen), terminal.out, 0);
    return await work(command, operands, values, terminal);
  } catch (error) {
    return fail(error, command, words, terminal);
  }
}

async function work(command: Command, operands: readonly string[], values: Values, streams: Streams): Promise<number> {
  const { terminal, end } = watchWork(streams, values['quiet'] !== true && command.isConversation !== true);
  try {
    return await command.run(operands, values, terminal);
  } finally {
    end();
  }
}

/** The service starts without what all other commands need. */
async function groupsFor(words: readonly string[]): Promise<readonly CommandGroup[]> {
  if (serveCommands.some((command) => isNamed(command, words))) return [{ title: 'Service', commands: serveCommands }];
  const { commandGroups } = await import('./command-groups.ts');
  return commandGroups;
}

function isNamed({ name: own }: Command, words: readonly string[]): boolean {
  return `${words.join(' ')} `.startsWith(`${own} `);
}

/** `passwords list` is what many say for `password list`. */
function inSingular(words: readonly string[], commands: readonly Command[]): readonly string[] {
  const [, group = ''] = /^(.+)s$/.exec(words[0] ?? '') ?? [];
  return commands.some((command) => command.name.startsWith(`${group} `)) ? [group, ...words.slice(1)] : words;
}

/** What there is: all of it, or what begins with the word that was said. */
function explainCommands(given: readonly string[], groups: readonly CommandGroup[], terminal: Streams): number {
  const asked = given.length === 0 || given.some((word) => ['help', '--help', '-h'].includes(word));
  const words = given.filter((word) => !['help', '--help', '-h'].includes(word));
  const commands = groups.flatMap((group) => group.commands);
  const named = commands.find((command) => words.length > 0 && isNamed(command, words));
  if (named !== undefined) return write(helpOf(named, terminal.screen), terminal.out, 0);
  const listed = groups
    .map(({ title, commands: all }) => ({ title, commands: all.filter(({ name }) => name.startsWith(`${words[0]} `)) }))
    .filter((group) => group.commands.length > 0);
  const hasGroup = listed.length > 0;
  const isUnknown = words.length > 0 && !(hasGroup && (words.length === 1 || asked));
  const list = [
    ...listCommands(hasGroup ? listed : groups, terminal.screen),
    ...(hasGroup ? [] : listEnd(terminal.screen)),
  ];
  if (asked && !isUnknown) return write(list, terminal.out, 0);
  const problem = isUnknown ? unknownCommand(words, commands) : `dockpass ${words[0]} needs one more word.`;
  if (given.includes('--json')) return write([jsonError('usage', problem)], terminal.out, 2);
  const more = hasGroup ? list : ['"dockpass --help" lists all commands.'];
  return write([problem, ...more], terminal.err, 2);
}

function unknownCommand(words: readonly string[], commands: readonly Command[]): string {
  const said = words.filter((word) => word !== '--json').join(' ');
  const meant = meantCommand(words, commands);
  return `There is no command "${said}".${meant === null ? '' : ` Did you mean "dockpass ${meant}"?`}`;
}

function write(lines: readonly string[], to: (line: string) => void, code: number): number {
  for (const line of lines) to(line);
  return code;
}

/** The failure in words, for programs as JSON on standard output. @returns the exit code */
function fail(error: unknown, command: Command, words: readonly string[], terminal: Streams): number {
  const isUsage = error instanceof UsageError;
  const message = isUsage ? error.message : describeFailure(error);
  if (words.includes('--json')) {
    const code = isUsage ? 'usage' : error instanceof Refusal ? error.code : codeOf(error);
    terminal.out(jsonError(code, message));
    return isUsage ? 2 : 1;
  }
  terminal.err(isUsage ? `${message}\nUsage: dockpass ${command.name} ${command.usage}`.trimEnd() : message);
  if (isUsage) terminal.err(`"dockpass ${command.name} --help" explains each option.`);
  return isUsage ? 2 : 1;
}

const jsonError = (code: string, message: string): string => JSON.stringify({ error: { code, message } });

/** Mistakes in files of the operator are theirs to fix; anything else is ours. */
function codeOf(error: unknown): string {
  return error instanceof ConfigError || error instanceof PolicyError ? 'misconfigured' : 'internal';
}

/** An error that its reader can act on is shown as it is; any other keeps its stack for a bug report. */
function describeFailure(error: unknown): string {
  const expected = error instanceof Refusal || error instanceof ConfigError || error instanceof PolicyError;
  if (error instanceof Refusal && error.cause instanceof Error && !tells(error, error.cause)) {
    return `${error.message} (${error.cause.message})`;
  }
  if (expected) return error.message;
  if (!(error instanceof Error)) return String(error);
  return describeSystemError(error) ?? error.stack ?? error.message;
}

/** Whether a refusal says already what its cause would. A conflict does: it names what is there. */
function tells({ code, message }: Refusal, cause: Error): boolean {
  return (
    code === 'conflict' ||
    message.includes(cause.message) ||
    (errorCode(cause) !== '' && message.includes(`(${errorCode(cause)})`))
  );
}

/** What the operating system says of a path. */
const pathProblems: Readonly<Record<string, string>> = {
  ENOENT: "doesn't exist",
  EACCES: "can't be used by this user: its permissions, or those of a folder above it, don't allow it",
  EPERM: "can't be used by this user",
  EEXIST: 'exists already',
  EISDIR: 'is a folder, where a file is needed',
  ENOTDIR: 'goes through a file, where a folder is needed',
  ELOOP: 'is a link that leads to itself',
  EROFS: 'is on a file system that is mounted read-only',
  ENOSPC: "doesn't fit: the disk is full",
  ENAMETOOLONG: 'is too long for a name',
};

/** What the operating system refused, in words that say what to do where that's known. */
function describeSystemError(error: Error): string | null {
  const code = errorCode(error);
  const port = 'port' in error ? error.port : undefined;
  const path = 'path' in error ? String(error.path) : '';
  if (code === 'EADDRINUSE' && port !== undefined) {
    return `Port ${port} is already in use. Stop the other process, or set PORT to a free one.`;
  }
  if (code === 'EACCES' && port !== undefined) {
    return `This user can't listen on port ${port}. Set PORT to 1024 or above, or give the process CAP_NET_BIND_SERVICE.`;
  }
  const why = Object.hasOwn(pathProblems, code) ? pathProblems[code] : undefined;
  if (why !== undefined && path !== '') return `${path} ${why} (${code}).`;
  return code === '' ? null : `${error.message} (${code})`;
}
