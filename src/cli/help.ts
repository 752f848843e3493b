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
    ...commands.flatMap(({ name, summary }) => hanging(`  ${name.padEnd(width)}  `, summary, screen)),
  ]);
  return ['Usage: dockpass COMMAND [--help]', ...sections.flatMap((section) => ['', ...section])];
}

/** What the list of all commands ends with. */
export function listEnd(screen: Screen | undefined): string[] {
  return [
    ...section('Options', aligned(commonWords, screen), screen),
    ...section(
      'Exit codes',
      aligned(
        exitCodes.map(([code, meaning]) => [String(code), meaning]),
        screen,
      ),
      screen,
    ),
    '',
    ...hanging('', settingsAndShells, screen),
  ];
}

const commonWords = [
  ['--help', 'help on a command: dockpass password create --help'],
  ['--json', 'one JSON document on standard output, errors included; the commands that have it list its fields'],
  ['--quiet', 'only results, warnings and errors'],
  ['--version', 'the version of Dockpass'],
] as const;

const settingsAndShells =
  'Settings come from the environment and from .env. "dockpass completion SHELL" completes commands in a shell, and "dockpass man" writes the manual page.';

/** The page of one command. */
export function helpOf(command: Command, screen: Screen | undefined): string[] {
  const { name, usage, summary, details = [], json } = command;
  return [
    `Usage: dockpass ${name} ${usage}`.trimEnd(),
    ...hanging('', summary, screen),
    ...(details.length > 0 ? ['', ...details.flatMap((text) => hanging('', text, screen))] : []),
    ...section('Options', optionLines(command, screen), screen),
    ...section(
      `Fields of --json${json?.list === true ? ' (a list)' : ''}`,
      aligned(Object.entries(json?.fields ?? {}), screen),
      screen,
    ),
  ];
}

function section(title: string, lines: readonly string[], screen: Screen | undefined): string[] {
  return lines.length === 0 ? [] : ['', bold(title, screen), ...lines];
}

function optionLines(command: Command, screen: Screen | undefined): string[] {
  const options = Object.entries(optionsOf(command));
  return aligned(
    options.map(([name, option]) => [optionName(name, option), helpOfOption(option)]),
    screen,
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

function aligned(pairs: readonly (readonly [string, string])[], screen: Screen | undefined): string[] {
  const width = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.flatMap(([name, text]) => hanging(`  ${name.padEnd(width)}  `, text, screen));
}

/** Columns in which a sentence can still be read. */
const leastWidth = 30;

/** A text after its head, on a screen broken between words, below each other. */
function hanging(head: string, text: string, screen: Screen | undefined): string[] {
  const width = (screen?.columns ?? Number.POSITIVE_INFINITY) - head.length;
  if (width < leastWidth || text.length <= width || / {2}/.test(text)) return [(head + text).trimEnd()];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((part, index) => (index === 0 ? head : ' '.repeat(head.length)) + part);
}

/** A command that is spelt nearly like the words, or `null`. */
export function meantCommand(words: readonly string[], commands: readonly Command[]): string | null {
  const names = commands.map(({ name }) => name);
  const [first = '', second] = words.filter((word) => !word.startsWith('-'));
  const firstWords = [...new Set(names.map((name) => name.split(' ')[0] ?? name))];
  const whole = second === undefined ? null : nearestWord(`${first} ${second}`, names, 3);
  return whole ?? nearestWord(first, [...firstWords, 'help', 'version'], 2);
}
