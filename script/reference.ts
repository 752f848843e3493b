/** Writes docs/reference from the code: settings, commands, match fields, API, metrics, events, errors. Usage: reference.ts [--check] */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeApi } from '../src/api/openapi.ts';
import type { ApiRoute } from '../src/api/route.ts';
import { chatEvents } from '../src/app/announced.ts';
import { listApiRoutes } from '../src/app/api.ts';
import type { Readings } from '../src/app/metric-readings.ts';
import { createMetrics } from '../src/app/metrics.ts';
import { type Command, exitCodes, optionsOf } from '../src/cli/command.ts';
import { commandGroups } from '../src/cli/command-groups.ts';
import { helpOfOption, optionName } from '../src/cli/help.ts';
import { type RefusalCode, refusalStatuses } from '../src/lib/errors.ts';
import { isAboutNotifications } from '../src/notify/notices.ts';
import { matchFields } from '../src/policy/match-fields.ts';
import { registryCodes } from '../src/token/answer.ts';
import { actionLabels, actions } from '../src/web/admin/audit-labels.ts';
import { refusalReasons } from '../src/workload/refusal.ts';
import { settingsPage } from './reference-settings.ts';
import { cell, table } from './reference-table.ts';

const folder = join(import.meta.dirname, '../docs/reference');

function commandsPage(): string {
  return [
    '# Commands',
    '',
    '`dockpass COMMAND --help` shows the same. Every command takes `--help` and `--quiet` (`-q`: only results, warnings and errors). With `--json` standard output is one JSON document and nothing else; after a mistake it is `{"error":{"code","message"}}` ([codes](errors.md)). Fields can be added, so read those that you know. Lists are tables with headers on a terminal; scripts use `--json`. Color is only on a terminal, and never with `NO_COLOR`.',
    '',
    '`dockpass completion bash|zsh|fish` writes completion for a shell, `dockpass man` the manual page; [exit codes](errors.md#exit-codes) are the same for all.',
    ...commandGroups.flatMap(({ title, commands }) => ['', `## ${title}`, ...commands.flatMap(describeCommand)]),
    '',
  ].join('\n');
}

function describeCommand(command: Command): string[] {
  const { name, usage, summary, details = [], json } = command;
  const options = Object.entries(optionsOf(command)).filter(([option]) => !['help', 'quiet', 'json'].includes(option));
  const usages = usage.split('\n').map((line) => line.trim().replace(`dockpass ${name} `, ''));
  return [
    '',
    `### ${name}`,
    '',
    '```',
    ...usages.map((line) => `dockpass ${name} ${line}`.trimEnd()),
    '```',
    '',
    [`${summary}.`, ...details.map(cell)].join('\n'),
    ...(options.length === 0
      ? []
      : [
          '',
          ...table(
            ['option', 'meaning'],
            options.map(([option, form]) => [`\`${optionName(option, form)}\``, cell(helpOfOption(form))]),
          ),
        ]),
    ...(json === undefined
      ? []
      : [
          '',
          `With \`--json\`${json.list === true ? ', a list of objects' : ''}:`,
          '',
          ...table(
            ['field', 'meaning'],
            Object.entries(json.fields).map(([field, about]) => [`\`${field}\``, cell(about)]),
          ),
        ]),
  ];
}

/** docs/policy.md says what a field means, and a test wants its row there; the rest is in the code. */
function policyPage(): string {
  const guide = readFileSync(new URL('../docs/policy.md', import.meta.url), 'utf8');
  const rows = [...guide.matchAll(/^\| ((?:`\w+`(?:, )?)+) \| (.+) \|$/gm)];
  const meaningOf = (field: string): string => rows.find(([, names = '']) => names.includes(`\`${field}\``))?.[2] ?? '';
  const forms = { pattern: 'one pattern', list: 'one pattern or a list', map: 'patterns by name' } as const;
  return [
    '# Match fields of the policy',
    '',
    'The conditions under `match` of a rule, in the order in which they are tried. All must hold; the first rule that matches decides. [The policy](../policy.md) explains them with examples.',
    '',
    ...table(
      ['`match.`', 'value', 'matches when', 'decided by', 'in docker_auth', 'in cases of `policy test`'],
      Object.entries(matchFields).map(([name, { form, takes, decidedBy, isDockerAuths, caseKey }]) => [
        `\`${name}\``,
        takes === 'networks' ? 'an address or a network' : forms[form],
        meaningOf(name),
        decidedBy === 'person' ? 'who asks' : 'the request',
        isDockerAuths ? 'yes' : 'no',
        `\`${caseKey}\``,
      ]),
    ),
    '',
  ].join('\n');
}

/** Stands for what operations call when they run; they're only described here. */
const unused = new Proxy(() => {}, { get: () => unused, apply: () => unused }) as never;

function apiPage(): string {
  const routes: readonly ApiRoute[] = listApiRoutes(unused, unused, unused);
  const { info } = describeApi(routes, '') as { info: { description: string } };
  return [
    '# API',
    '',
    `Below \`PUBLIC_URL/api/v1\`; \`/api/v1/openapi.json\` describes it for programs (OpenAPI 3.1). ${info.description} Every request has \`Authorization: Bearer dka_...\`, except where no scope is needed. A refusal is \`{"errors":[{"code","message","requestId"}]}\` ([codes](errors.md)). [Administration](../administration.md#the-api) has examples.`,
    '',
    ...table(
      ['operation', 'scope', 'what it does', 'query and body'],
      routes.map(({ method, path, scope, summary, query = [], body = [] }) => [
        `\`${method.toUpperCase()} ${path}\``,
        scope === null ? 'none' : `\`${scope}\``,
        cell(summary),
        [...query, ...body]
          .map(({ name, about, required }) => `\`${name}\`${required === true ? ' (required)' : ''}: ${cell(about)}`)
          .join('<br>'),
      ]),
    ),
    '',
  ].join('\n');
}

const nothing: Readings = {
  ...{ isDatabaseUp: async () => true, passwords: async () => null, expiring: async () => null },
  ...{ oldest: async () => null, unchecked: async () => null, signingKeys: () => [], lastBackup: async () => null },
  ...{ notifications: async () => null, registryEvents: async () => null },
  ...{ lostRecords: () => [], warnings: () => [], failing: () => [] },
};

async function metricsPage(): Promise<string> {
  const { text } = await createMetrics(nothing).read();
  const metrics = [...text.matchAll(/^# HELP (dockpass_\w+) (.*)\n# TYPE \S+ (\w+)$/gm)];
  return [
    '# Metrics',
    '',
    'At `METRICS_LISTEN` under `/metrics`, in the text format of Prometheus, beside those of Node.js. [Operating](../operating.md) says when to alert.',
    '',
    ...table(
      ['metric', 'type', 'meaning'],
      metrics.map(([, name = '', help = '', type = '']) => [`\`${name}\``, type, cell(help)]),
    ),
    '',
  ].join('\n');
}

function eventsPage(): string {
  const listed = actions.filter((action) => !isAboutNotifications(action));
  return [
    '# Events',
    '',
    'What the audit records and webhooks send: the `type` of a CloudEvent, and the names in `WEBHOOK_<NAME>_EVENTS`, where `robot.*` means all that begin like that. Events can be added. [Notifications](../notifications.md) has the form of a message. The audit also has events about notifications themselves, which webhooks never send.',
    '',
    ...table(
      ['event', 'meaning', 'sent to Slack unless `EVENTS` says otherwise'],
      listed.map((action) => [`\`${action}\``, cell(actionLabels[action]), chatEvents.includes(action) ? 'yes' : '']),
    ),
    '',
  ].join('\n');
}

const meanings: Readonly<Record<RefusalCode, string>> = {
  bad_request: 'What was sent is wrong; the message names the field.',
  unauthenticated: 'No valid credentials.',
  denied: 'The credentials are valid, and this is not allowed with them.',
  not_found: "It doesn't exist, or isn't visible to the requester.",
  method_not_allowed: 'The address exists, with another method.',
  conflict: 'It collides with what is there, for example a name in use.',
  too_large: 'More was sent than is accepted.',
  too_many_requests: 'Throttled. `Retry-After` says when to try again.',
  misconfigured: 'Only the operator can fix it: a file, a setting, a secret.',
  internal: 'A bug, or a database that answers wrongly; the log has the reason under the request id.',
  bad_gateway: 'A provider or registry answered with something unexpected.',
  unavailable: 'The database or a provider is away. `Retry-After` says when to try again.',
};

function errorsPage(): string {
  return [
    '# Errors and exit codes',
    '',
    'The message says what to do next. Programs read the code: `errors[].code` of the API, `error.code` of a command with `--json`.',
    '',
    '## Codes',
    '',
    ...table(
      ['code', 'HTTP status', 'at the realm', 'meaning'],
      Object.entries(meanings).map(([code, meaning]) => {
        const known = code as RefusalCode; // the keys of a Record of them
        return [`\`${code}\``, String(refusalStatuses[known]), `\`${registryCodes[known] ?? 'UNSUPPORTED'}\``, meaning];
      }),
    ),
    '',
    '"At the realm" is the code in the answers of `/auth` and of the registry API, whose names the registry defines. Commands also have `usage`: the command line is not understood.',
    '',
    '## Exit codes',
    '',
    ...table(
      ['code', 'meaning'],
      exitCodes.map(([code, meaning]) => [String(code), meaning]),
    ),
    '',
    '## Refused ID tokens',
    '',
    'Why an ID token of a workload was refused, on the page Workloads and in `dockpass policy explain --token`:',
    '',
    ...table(
      ['reason', 'meaning'],
      Object.entries(refusalReasons).map(([reason, meaning]) => [`\`${reason}\``, cell(meaning)]),
    ),
    '',
  ].join('\n');
}

const pages: Readonly<Record<string, string>> = {
  'settings.md': settingsPage(),
  'commands.md': commandsPage(),
  'policy.md': policyPage(),
  'api.md': apiPage(),
  'metrics.md': await metricsPage(),
  'events.md': eventsPage(),
  'errors.md': errorsPage(),
};

const read = (file: string): string | null => {
  try {
    return readFileSync(join(folder, file), 'utf8');
  } catch {
    return null;
  }
};

mkdirSync(folder, { recursive: true });
for (const [file, text] of Object.entries(pages)) {
  if (!process.argv.includes('--check')) writeFileSync(join(folder, file), text);
  else if (read(file) !== text) {
    console.error(`docs/reference/${file} is not up to date: node script/reference.ts`);
    process.exitCode = 1;
  }
}
