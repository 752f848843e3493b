/** Owns `dockpass audit ...` and `dockpass api-token ...`: what was done, and what lets programs do it. */
import { type ApiToken, apiScopes } from '../accounts/api-tokens.ts';
import { type AuditFilter, exportLines } from '../audit/audit-log.ts';
import { countOf } from '../lib/count.ts';
import { nearestWord } from '../lib/nearest-word.ts';
import { dateOf } from '../lib/time.ts';
import { actions, isAuditAction } from '../web/admin/audit-labels.ts';
import { type Command, requiredText, type Terminal, textOf, UsageError, type Values, wholeNumber } from './command.ts';
import { byCommandLine, withAdministration } from './core.ts';
import { apiTokenFields, auditFields } from './json-fields.ts';
import { type Column, confirm, replyList, replySecret } from './output.ts';
import { readTime } from './person.ts';

const text = { type: 'string' } as const;
const formats = ['csv', 'jsonl', 'json'] as const;

export const auditCommands: readonly Command[] = [
  {
    name: 'audit export',
    usage:
      '[--format csv|jsonl|json] [--person LOGIN] [--action ACTION] [--repository NAME] [--from DATE] [--until DATE] [--json]',
    summary: 'Write the audit, newest first, as JSON lines, CSV or one JSON document',
    options: {
      format: { ...text, value: 'FORMAT', choices: formats, help: 'csv, jsonl (default) or json' },
      person: {
        ...text,
        value: 'LOGIN',
        help: 'only events of or about this account: a person’s login in any case, the name of a job as written',
      },
      action: { ...text, value: 'ACTION', help: 'only this action, such as password.revoke' },
      repository: { ...text, value: 'NAME', help: 'only events about this repository' },
      from: { ...text, value: 'DATE', help: 'from this day (2026-11-01) or time on' },
      until: { ...text, value: 'DATE', help: 'until this day or time, which is not included' },
    },
    json: { list: true, fields: auditFields },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withAdministration(terminal, async ({ auditLog }) => {
        const format = values['json'] === true ? 'json' : (textOf(values, 'format') ?? 'jsonl');
        const lines = (kind: 'csv' | 'jsonl') => exportLines(auditLog.all(readFilter(values), byCommandLine), kind);
        if (format === 'csv' || format === 'jsonl') await writeLines(lines(format), terminal);
        else if (format === 'json') await writeDocument(lines('jsonl'), terminal);
        else throw new UsageError(`--format is one of ${formats.join(', ')}, not "${format}".`);
      }),
  },
  {
    name: 'api-token create',
    usage: '--name NAME --days N --scopes SCOPE,... [--json]',
    summary: 'Create a token for /api/v1; it is written to standard output, once',
    details: [`Scopes: ${apiScopes.join(', ')}`],
    options: {
      name: { ...text, value: 'NAME', help: 'the program that uses it' },
      days: { ...text, value: 'N', help: 'lifetime in days' },
      scopes: { ...text, value: 'SCOPES', help: 'what it can do, separated by commas' },
    },
    json: { fields: { secret: 'the token, shown only this once', ...apiTokenFields } },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withAdministration(terminal, async ({ apiTokens }) => {
        const input = {
          name: requiredText(values, 'name'),
          days: wholeNumber(requiredText(values, 'days'), 'days'),
          scopes: requiredText(values, 'scopes')
            .split(',')
            .map((scope) => scope.trim()),
        };
        const { secret, token } = await apiTokens.issue(input, null, byCommandLine);
        const about = `API token "${token.name}" (${token.id}), shown only this once:`;
        replySecret(terminal, values, { secret, ...token }, about);
      }),
  },
  {
    name: 'api-token list',
    usage: '[--json]',
    summary: 'List the API tokens',
    json: { list: true, fields: apiTokenFields },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withAdministration(terminal, async ({ apiTokens }) => {
        replyList(terminal, values, await apiTokens.list(), tokenColumns, 'There are no API tokens.');
      }),
  },
  {
    name: 'api-token revoke',
    usage: 'ID [--json]',
    summary: 'Revoke an API token',
    json: { fields: apiTokenFields },
    operands: [1, 1],
    run: ([id = ''], values, terminal) =>
      withAdministration(terminal, async ({ apiTokens }) => {
        const token = await apiTokens.revoke(id, byCommandLine);
        confirm(terminal, values, token, `Revoked "${token.name}".`);
      }),
  },
];

const tokenColumns: readonly Column<ApiToken>[] = [
  ['ID', ({ id }) => id],
  ['NAME', ({ name }) => name],
  ['TOKEN', ({ hint }) => hint],
  ['STATE', ({ state }) => state],
  ['SCOPES', ({ scopes }) => scopes.join(',')],
  ['MADE BY', ({ createdBy }) => createdBy],
  ['EXPIRES', ({ expiresAt }) => dateOf(expiresAt)],
];

async function writeLines(lines: AsyncIterable<string>, terminal: Terminal): Promise<void> {
  for await (const line of counted(lines, terminal)) terminal.out(line.replace(/\r?\n$/, ''));
}

/** The same lines as one list, written as they come. */
async function writeDocument(lines: AsyncIterable<string>, terminal: Terminal): Promise<void> {
  let before: string | null = null;
  for await (const line of counted(lines, terminal)) {
    terminal.out(before === null ? '[' : `${before},`);
    before = line.trimEnd();
  }
  terminal.out(before === null ? '[]' : `${before}\n]`);
}

/** Says how many there were, and ends when no one reads any more: the audit of years is long. */
async function* counted(lines: AsyncIterable<string>, terminal: Terminal): AsyncGenerator<string> {
  let count = 0;
  for await (const line of lines) {
    if (terminal.readersLeft?.aborted === true) return;
    yield line;
    count += 1;
    terminal.progress(`${countOf(count, 'line')} written`);
  }
}

/** @throws {UsageError} for an action that no event has: an empty export would look like "it never happened" */
function readAction(given: string | null): string | null {
  if (given === null || isAuditAction(given)) return given;
  const meant = nearestWord(given, actions, 3);
  const help = meant === null ? 'docs/reference/events.md lists all.' : `Did you mean ${meant}?`;
  throw new UsageError(`No event is called "${given}". ${help}`);
}

function readFilter(values: Values): AuditFilter {
  const { person, repository } = values;
  const action = readAction(textOf(values, 'action'));
  const [from, until] = [readTime(values, 'from'), readTime(values, 'until')];
  return {
    ...(typeof person === 'string' && { person }),
    ...(action !== null && { action }),
    ...(typeof repository === 'string' && { repository }),
    ...(from !== null && { from }),
    ...(until !== null && { until }),
  };
}
