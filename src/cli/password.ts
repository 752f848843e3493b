/** Owns `dockpass password ...`: the same functions that the pages call. */

import type { Core } from '../app/core.ts';
import type { AppPassword } from '../app-passwords/app-passwords.ts';
import { commandLine } from '../app-passwords/maker.ts';
import { minuteOf } from '../lib/time.ts';
import { type Command, type Terminal, textsOf, UsageError, wholeNumber } from './command.ts';
import { accountOf, byCommandLine, configOf, withCore } from './core.ts';

const json = { type: 'boolean' } as const;

export const passwordCommands: readonly Command[] = [
  {
    name: 'password create',
    usage: 'EMAIL --name NAME [--days N] [--pull-only] [--repository PATTERN ...] [--json]',
    summary: 'Create an app password for a person who has signed in before',
    details: [
      'The secret is written to standard output, once; everything else to standard error.',
      '  --days N               lifetime in days (default 90, at most PASSWORD_MAX_DAYS)',
      '  --pull-only            it can pull and nothing else',
      '  --repository PATTERN   only these repositories: * within a segment, ** across; may be repeated',
    ],
    options: {
      name: { type: 'string' },
      days: { type: 'string' },
      'pull-only': { type: 'boolean' },
      repository: { type: 'string', multiple: true },
      json,
    },
    operands: [1, 1],
    async run([email = ''], values, terminal) {
      const { name, days = '90' } = values;
      if (typeof name !== 'string') throw new UsageError('--name is missing: say what the password is for.');
      const input = {
        name,
        days: wholeNumber(String(days), 'days'),
        pullOnly: values['pull-only'] === true,
        repositories: textsOf(values, 'repository'),
      };
      return withPasswords(terminal, async (core) => {
        const account = await accountOf(core, email);
        const { secret, password } = await core.passwords.issue(account, input, byCommandLine, commandLine);
        if (values['json'] === true) terminal.out(JSON.stringify({ secret, ...password }));
        else {
          terminal.err(`Password "${password.name}" (${password.id}) for ${password.login}, shown only this once:`);
          terminal.out(secret);
        }
      });
    },
  },
  {
    name: 'password list',
    usage: '[EMAIL] [--json]',
    summary: 'List the app passwords of one person or of all',
    options: { json },
    operands: [0, 1],
    run: ([email], values, terminal) =>
      withPasswords(terminal, async (core) => {
        const passwords =
          email === undefined
            ? await core.passwords.all()
            : await core.passwords.ofAccount(await accountOf(core, email));
        if (values['json'] === true) terminal.out(JSON.stringify(passwords));
        else for (const password of passwords) terminal.out(describe(password));
        if (passwords.length === 0 && values['json'] !== true) terminal.err('There are no passwords.');
      }),
  },
  {
    name: 'password expiring',
    usage: '[--days N] [--json]',
    summary: 'List live passwords that end within N days (default 14), the next first; for a cron job',
    options: { days: { type: 'string' }, json },
    operands: [0, 0],
    run: (_operands, { days = '14', json: asJson }, terminal) =>
      withPasswords(terminal, async (core) => {
        const passwords = await core.passwords.expiring(wholeNumber(String(days), 'days'));
        for (const password of passwords) terminal.out(asJson === true ? JSON.stringify(password) : describe(password));
      }),
  },
  {
    name: 'password rotate',
    usage: 'ID --days N [--overlap-hours N]',
    summary: 'Make a new secret for a password; the old one lives on for the overlap (default 24 hours)',
    options: { days: { type: 'string' }, 'overlap-hours': { type: 'string' } },
    operands: [1, 1],
    run: ([id = ''], { days = '', 'overlap-hours': overlap = '24' }, terminal) =>
      withPasswords(terminal, async (core) => {
        const overlapHours = wholeNumber(String(overlap), 'overlap-hours');
        const input = { days: wholeNumber(String(days), 'days'), overlapHours };
        const { secret, password, previous } = await core.passwords.rotate(id, null, input, byCommandLine, commandLine);
        terminal.err(`The old secret works until ${minuteOf(previous.expiresAt)} UTC. The new one (${password.id}):`);
        terminal.out(secret);
      }),
  },
  {
    name: 'password revoke',
    usage: 'ID',
    summary: 'Revoke an app password; it counts from the next request on',
    operands: [1, 1],
    run: ([id = ''], _values, terminal) =>
      withPasswords(terminal, async (core) => {
        const password = await core.passwords.revoke(id, null, byCommandLine);
        terminal.out(`Revoked "${password.name}" of ${password.login}.`);
      }),
  },
];

/** @returns the exit code 0 */
async function withPasswords(terminal: Terminal, action: (core: Core) => Promise<void>): Promise<number> {
  await withCore(configOf(terminal), action);
  return 0;
}

function describe(password: AppPassword): string {
  const { lastUse, limits } = password;
  const used =
    lastUse === null ? 'never used' : `used ${minuteOf(lastUse.at)} from ${lastUse.address} by ${lastUse.client}`;
  const narrowed = [limits.actions?.join(',') ?? 'full access', ...(limits.repositories ?? [])].join(' ');
  const fields = [password.id, password.login, password.name, password.hint, password.state, narrowed];
  return [...fields, `expires ${minuteOf(password.expiresAt)}`, used].join('  ');
}
