/** Owns `dockpass audit ...` and `dockpass api-token ...`: what was done, and what lets programs do it. */
import { apiScopes } from '../accounts/api-tokens.ts';
import { type AuditFilter, exportLines } from '../audit/audit-log.ts';
import { dateOf } from '../lib/time.ts';
import { type Command, UsageError, type Values, wholeNumber } from './command.ts';
import { byCommandLine, withAdministration } from './core.ts';
import { readTime } from './person.ts';

const text = { type: 'string' } as const;

export const auditCommands: readonly Command[] = [
  {
    name: 'audit export',
    usage: '[--format csv|jsonl] [--person LOGIN] [--action ACTION] [--repository NAME] [--from DATE] [--until DATE]',
    summary: 'Write the audit, the newest first, as JSON lines or CSV',
    options: { format: text, person: text, action: text, repository: text, from: text, until: text },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withAdministration(terminal, async ({ auditLog }) => {
        const format = values['format'] ?? 'jsonl';
        if (format !== 'csv' && format !== 'jsonl') throw new UsageError('--format is csv or jsonl.');
        for await (const line of exportLines(auditLog.all(readFilter(values), byCommandLine), format)) {
          terminal.out(line.replace(/\r?\n$/, ''));
        }
      }),
  },
  {
    name: 'api-token create',
    usage: '--name NAME --days N --scopes SCOPE,...',
    summary: 'Make a token for /api/v1; the secret is written to standard output, once',
    details: [`Scopes: ${apiScopes.join(', ')}`],
    options: { name: text, days: text, scopes: text },
    operands: [0, 0],
    run: (_operands, { name = '', days = '', scopes = '' }, terminal) =>
      withAdministration(terminal, async ({ apiTokens }) => {
        const input = {
          name: String(name),
          days: wholeNumber(String(days), 'days'),
          scopes: String(scopes).split(','),
        };
        const { secret, token } = await apiTokens.issue(input, null, byCommandLine);
        terminal.err(`API token "${token.name}" (${token.id}), shown only this once:`);
        terminal.out(secret);
      }),
  },
  {
    name: 'api-token list',
    usage: '',
    summary: 'List the API tokens',
    operands: [0, 0],
    run: (_operands, _values, terminal) =>
      withAdministration(terminal, async ({ apiTokens }) => {
        for (const { id, name, hint, state, scopes, createdBy, expiresAt } of await apiTokens.list()) {
          const end = `expires ${dateOf(expiresAt)}`;
          terminal.out([id, name, hint, state, scopes.join(','), `by ${createdBy}`, end].join('  '));
        }
      }),
  },
  {
    name: 'api-token revoke',
    usage: 'ID',
    summary: 'Revoke an API token',
    operands: [1, 1],
    run: ([id = ''], _values, terminal) =>
      withAdministration(terminal, async ({ apiTokens }) => {
        terminal.out(`Revoked "${(await apiTokens.revoke(id, byCommandLine)).name}".`);
      }),
  },
];

function readFilter(values: Values): AuditFilter {
  const { person, action, repository } = values;
  const [from, until] = [readTime(values, 'from'), readTime(values, 'until')];
  return {
    ...(typeof person === 'string' && { person }),
    ...(typeof action === 'string' && { action }),
    ...(typeof repository === 'string' && { repository }),
    ...(from !== null && { from }),
    ...(until !== null && { until }),
  };
}
