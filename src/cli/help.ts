/** Owns what help says: the list of commands by group, and the page of one command. */
import { nearestWord } from '../lib/nearest-word.ts';
import { valueNameOf } from './arguments.ts';
import { type Command, exitCodes, type Option, optionsOf, type Screen } from './command.ts';
import { bold } from './screen.ts';

export type CommandGroup = { readonly title: string; readonly commands: readonly Command[] };

/** All commands, or those of one group word ("password"). */
export function listCommands(groups: readonly CommandGroup[], screen: Screen | undefined): string[] {
  const width = Math.max(...groups.flatMap(({ commands }) => commands.map(({ name }) => name.length)));
  const sections = groups.map(({ title, commands }) => [
    bold(title, screen),
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
  ]);
  return ['Usage: dockpass COMMAND [--help]', ...sections.flatMap((section) => ['', ...section])];
}

/** What the list of all commands ends with. */
export function listEnd(screen: Screen | undefined): string[] {
  return [
    '',
    bold('Options', screen),
    '  --help     help on a command: dockpass password create --help',
    '  --json     one JSON document on standard output, errors included; the commands that have it list its fields',
    '  --quiet    only results, warnings and errors',
    '  --version  the version of Dockpass',
    '',
    bold('Exit codes', screen),
    ...exitCodes.map(([code, meaning]) => `  ${code}  ${meaning}`),
    '',
    'Settings come from the environment and from .env. "dockpass completion SHELL" completes commands in a shell, and "dockpass man" writes the manual page.',
  ];
}

/** The page of one command. */
export function helpOf(command: Command, screen: Screen | undefined): string[] {
  const { name, usage, summary, details = [], json } = command;
  return [
    `Usage: dockpass ${name} ${usage}`.trimEnd(),
    summary,
    ...(details.length > 0 ? ['', ...details] : []),
    ...section('Options', optionLines(command), screen),
    ...section(
      `Fields of --json${json?.list === true ? ' (a list)' : ''}`,
      aligned(Object.entries(json?.fields ?? {})),
      screen,
    ),
  ];
}

function section(title: string, lines: readonly string[], screen: Screen | undefined): string[] {
  return lines.length === 0 ? [] : ['', bold(title, screen), ...lines];
}

function optionLines(command: Command): string[] {
  return aligned(
    Object.entries(optionsOf(command)).map(([name, option]) => [optionName(name, option), helpOfOption(option)]),
  );
}

/** "-h, --help", "--name NAME". */
export function optionName(name: string, option: Option): string {
  const short = option.short === undefined ? '' : `-${option.short}, `;
  return `${short}--${name}${option.type === 'string' ? ` ${valueNameOf(option)}` : ''}`;
}

/** What an option does, and whether it can be repeated. */
export function helpOfOption({ help = '', multiple = false }: Option): string {
  return multiple ? `${help}; can be repeated` : help;
}

function aligned(pairs: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`.trimEnd());
}

/** A command that is spelt nearly like the words, or `null`. */
export function meantCommand(words: readonly string[], commands: readonly Command[]): string | null {
  const names = commands.map(({ name }) => name);
  const [first = '', second] = words.filter((word) => !word.startsWith('-'));
  const firstWords = [...new Set(names.map((name) => name.split(' ')[0] ?? name))];
  const whole = second === undefined ? null : nearestWord(`${first} ${second}`, names, 3);
  return whole ?? nearestWord(first, [...firstWords, 'help', 'version'], 2);
}
