/** Owns the completion scripts of bash, zsh and fish: written from the command table, they run nothing and ask no database. */
import type { Command, Option } from './command.ts';
import {
  type Branch,
  branchesOf,
  type Candidates,
  candidatesOf,
  namedOptions,
  operandCandidates,
} from './command-tree.ts';

import { shellQuote } from './shell-quote.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

const head = (shell: Shell): string =>
  `# Completion of dockpass for ${shell}, written by "dockpass completion ${shell}".`;
const firstWords = '--help --version';

export function completionScript(shell: Shell, commands: readonly Command[]): string {
  const write = { bash: bashScript, zsh: zshScript, fish: fishScript }[shell];
  return write(branchesOf(commands)).join('\n');
}

/** bash 3.2 (macOS) has neither mapfile nor compopt; words of the table have no spaces. */
function bashScript(branches: readonly Branch[]): string[] {
  const words = branches.map(({ word }) => word).join(' ');
  return [
    head('bash'),
    '_dockpass() {',
    `  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}`,
    `  local one=\${COMP_WORDS[1]:-} two=\${COMP_WORDS[2]:-} words='' IFS=$' \\t\\n'`,
    '  COMPREPLY=()',
    '  if (( COMP_CWORD == 1 )); then',
    `    COMPREPLY=($(compgen -W '${words} help ${firstWords}' -- "$current"))`,
    '    return',
    '  fi',
    '  case "$one" in',
    ...branches.flatMap(bashBranch),
    '  esac',
    '}',
    '_dockpass_files() {',
    `  local IFS=$'\\n'`,
    '  compopt -o filenames 2>/dev/null',
    '  COMPREPLY=($(compgen -f -- "$1"))',
    '}',
    'complete -F _dockpass dockpass',
  ];
}

function bashBranch({ word, commands }: Branch): string[] {
  const [first] = commands;
  if (first?.name === word) return [`    ${word})`, ...bashCommand(first, '      '), '      ;;'];
  const words = commands.map(({ name }) => name.slice(word.length + 1));
  return [
    `    ${word})`,
    `      if (( COMP_CWORD == 2 )); then COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$current")); return; fi`,
    '      case "$two" in',
    ...commands.flatMap((command, index) => [
      `        ${words[index] ?? ''})`,
      ...bashCommand(command, '          '),
      '          ;;',
    ]),
    '      esac',
    '      ;;',
  ];
}

function bashCommand(command: Command, indent: string): string[] {
  const options = namedOptions(command);
  const taking = options.filter(([, { type }]) => type === 'string');
  return [
    ...(taking.length === 0 ? [] : ['case "$previous" in', ...taking.map(bashValue), 'esac']),
    'if [[ $current == -* ]]; then',
    `  COMPREPLY=($(compgen -W '${options.map(([name]) => `--${name}`).join(' ')}' -- "$current"))`,
    'else',
    `  ${bashCandidates(operandCandidates(command))}`,
    'fi',
  ].map((line) => indent + line);
}

const bashValue = ([name, option]: readonly [string, Option]): string =>
  `  --${name}) ${bashCandidates(candidatesOf(option))}; return ;;`;

function bashCandidates(candidates: Candidates): string {
  if (candidates === 'files') return '_dockpass_files "$current"';
  return candidates === null ? ':' : `COMPREPLY=($(compgen -W '${candidates.join(' ')}' -- "$current"))`;
}

/** Works as a file `_dockpass` in $fpath and when it's evaluated. */
function zshScript(branches: readonly Branch[]): string[] {
  return [
    '#compdef dockpass',
    head('zsh'),
    '_dockpass() {',
    '  local -a commands',
    '  if (( CURRENT == 2 )); then',
    ...zshCommands(
      branches.map(({ word, summary }) => [word, summary]),
      '    ',
    ),
    '    return',
    '  fi',
    '  case "$words[2]" in',
    ...branches.flatMap(zshBranch),
    '  esac',
    '}',
    'if [[ "$funcstack[1]" == _dockpass ]]; then _dockpass "$@"; else compdef _dockpass dockpass; fi',
  ];
}

function zshCommands(commands: readonly (readonly [string, string])[], indent: string): string[] {
  const items = commands.map(([word, summary]) => `  ${shellQuote(`${word}:${summary.replaceAll(':', '\\:')}`)}`);
  return ['commands=(', ...items, ')', "_describe -t commands 'dockpass command' commands"].map(
    (line) => indent + line,
  );
}

function zshBranch({ word, commands }: Branch): string[] {
  const [first] = commands;
  if (first?.name === word) return [`    ${word})`, ...zshArguments(first, 1, '      '), '      ;;'];
  const named = commands.map((command) => [command.name.slice(word.length + 1), command] as const);
  return [
    `    ${word})`,
    '      if (( CURRENT == 3 )); then',
    ...zshCommands(
      named.map(([own, { summary }]) => [own, summary]),
      '        ',
    ),
    '        return',
    '      fi',
    '      case "$words[3]" in',
    ...named.flatMap(([own, command]) => [
      `        ${own})`,
      ...zshArguments(command, 2, '          '),
      '          ;;',
    ]),
    '      esac',
    '      ;;',
  ];
}

function zshArguments(command: Command, depth: number, indent: string): string[] {
  const operand = `*:argument:${zshCandidates(operandCandidates(command))}`;
  const specs = [...namedOptions(command).map(zshOption), operand].map((spec) => `  ${shellQuote(spec)}`);
  return [`shift ${depth} words`, `(( CURRENT -= ${depth} ))`, `_arguments \\`, specs.join(` \\\n${indent}`)].map(
    (line) => indent + line,
  );
}

function zshOption([name, option]: readonly [string, Option]): string {
  const help = (option.help ?? '').replaceAll(/[[\]\\:]/g, '\\$&');
  const value = option.type === 'string' ? `:${option.value ?? 'TEXT'}:${zshCandidates(candidatesOf(option))}` : '';
  return `${option.multiple === true ? '*' : ''}--${name}[${help}]${value}`;
}

function zshCandidates(candidates: Candidates): string {
  if (candidates === 'files') return '_files';
  return candidates === null ? ' ' : `(${candidates.join(' ')})`;
}

function fishScript(branches: readonly Branch[]): string[] {
  return [
    head('fish'),
    'function __dockpass_begins',
    '    set -l said (commandline -opc)[2..]',
    '    set -l count (count $argv)',
    '    test (count $said) -ge $count; and test "$said[1..$count]" = "$argv"',
    'end',
    'function __dockpass_next',
    '    test (count (commandline -opc)) -eq (math (count $argv) + 1); and __dockpass_begins $argv',
    'end',
    'complete -c dockpass -f',
    "complete -c dockpass -n 'test (count (commandline -opc)) -eq 1' -l help -d 'List all commands'",
    "complete -c dockpass -n 'test (count (commandline -opc)) -eq 1' -l version -d 'Print the version'",
    ...branches.flatMap(fishBranch),
  ];
}

function fishBranch({ word, summary, commands }: Branch): string[] {
  return [
    `complete -c dockpass -n 'test (count (commandline -opc)) -eq 1' -a ${word} -d ${fishQuote(summary)}`,
    ...commands.flatMap((command) => [
      ...(command.name === word
        ? []
        : [
            `complete -c dockpass -n '__dockpass_next ${word}' -a ${command.name.slice(word.length + 1)} -d ${fishQuote(command.summary)}`,
          ]),
      ...fishOperand(command),
      ...namedOptions(command).map((option) => fishOption(command, option)),
    ]),
  ];
}

function fishOperand(command: Command): string[] {
  const candidates = operandCandidates(command);
  if (candidates === null) return [];
  const when = `-n '__dockpass_begins ${command.name}'`;
  return [`complete -c dockpass ${when} ${candidates === 'files' ? '-F' : `-a ${fishQuote(candidates.join(' '))}`}`];
}

function fishOption(command: Command, [name, option]: readonly [string, Option]): string {
  const candidates = candidatesOf(option);
  const words = Array.isArray(candidates) ? ` -a ${fishQuote(candidates.join(' '))}` : '';
  const value = option.type === 'boolean' ? '' : candidates === 'files' ? ' -r -F' : ` -x${words}`;
  return `complete -c dockpass -n '__dockpass_begins ${command.name}' -l ${name}${value} -d ${fishQuote(option.help ?? '')}`;
}

const fishQuote = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
