/** Owns the manual page dockpass(1), written from the command table in man(7) macros. */
import { type Command, exitCodes, optionsOf } from './command.ts';
import { type CommandGroup, helpOfOption, optionName } from './help.ts';

export function manualPage(groups: readonly CommandGroup[], version: string): string {
  return [
    `.TH DOCKPASS 1 "" "Dockpass ${version}" "User Commands"`,
    '.SH NAME',
    `dockpass \\- sign\\-in and token service of a self\\-hosted container registry`,
    '.SH SYNOPSIS',
    '.B dockpass',
    '.I command',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    plain(
      'Dockpass signs people in with Google or any OpenID Connect provider, gives them app passwords for docker login, and signs the tokens that a registry asks for. "dockpass serve" runs it; all other commands administer it, and work beside a service that runs.',
    ),
    '.SH OPTIONS',
    ...term('--help', 'List all commands; after a command, explain it.'),
    ...term('--version', 'Print the version.'),
    '.SH COMMANDS',
    ...groups.flatMap(({ title, commands }) => [`.SS ${plain(title)}`, ...commands.flatMap(describe)]),
    '.SH EXIT STATUS',
    ...exitCodes.flatMap(([code, meaning]) => term(String(code), meaning)),
    '.SH ENVIRONMENT',
    ...term(
      'DOCKPASS_ENV_FILE',
      'The file with settings, instead of .env in the working folder. The environment wins over it.',
    ),
    ...term('NO_COLOR', 'If set, nothing is colored.'),
    plain('All settings are environment variables too; docs/reference/settings.md lists them.'),
    '.SH FILES',
    ...term('.env', 'Settings, one NAME=value per line.'),
    ...term('policy.yml', 'Who can do what.'),
    ...term('workloads.yml', 'Whose ID tokens count. Optional.'),
    ...term('/etc/dockpass/dockpass.env', 'Settings of the Debian package.'),
  ].join('\n');
}

function describe(command: Command): string[] {
  const { name, usage, summary, details = [], json } = command;
  const usages = usage.split('\n').map((line) => line.trim().replace(/^dockpass /, ''));
  const [first = '', ...others] = usages;
  const options = Object.entries(optionsOf(command)).filter(([option]) => !['help', 'quiet'].includes(option));
  return [
    '.TP',
    `.B ${plain(`${name} ${first}`.trimEnd())}`,
    ...others.flatMap((other) => ['.TQ', `.B ${plain(other)}`]),
    plain(`${summary}.`),
    ...(details.length === 0
      ? []
      : ['.sp', ...details.flatMap((line, index) => (index === 0 ? [plain(line)] : ['.br', plain(line)]))]),
    ...(options.length === 0
      ? []
      : ['.RS', ...options.flatMap(([option, form]) => term(optionName(option, form), helpOfOption(form))), '.RE']),
    ...(json === undefined ? [] : ['.IP', plain(`Fields of --json: ${Object.keys(json.fields).join(', ')}.`)]),
  ];
}

function term(name: string, text: string): string[] {
  return ['.TP', `.B ${plain(name)}`, plain(text)];
}

/** As text: a backslash, a dash that can be copied, and no request where a line begins with a dot or quote. */
function plain(text: string): string {
  return text
    .trim()
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/, '\\&');
}
