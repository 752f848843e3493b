/** Owns `dockpass password ...`: the same functions that the pages call. */
import type { Core } from '../app/core.ts';
import { createPatternWarnings } from '../app/pattern-warnings.ts';
import { readPolicyFile } from '../app/policy-file.ts';
import type { Owner } from '../app-passwords/app-password.ts';
import type { AppPassword } from '../app-passwords/app-passwords.ts';
import type { PasswordInput } from '../app-passwords/input.ts';
import { commandLine } from '../app-passwords/maker.ts';
import type { Config } from '../config/config.ts';
import { minuteOf } from '../lib/time.ts';
import { type Command, requiredText, type Terminal, textOf, textsOf, type Values, wholeNumber } from './command.ts';
import { accountOf, byCommandLine, configOf, withCore } from './core.ts';
import { createdFields, issuedFields, passwordFields } from './json-fields.ts';
import { type Column, confirm, replyList, replySecret } from './output.ts';

const passwordDays = {
  type: 'string',
  value: 'N',
  help: 'lifetime in days (default 90, at most PASSWORD_MAX_DAYS)',
} as const;

/** What a password can do, a person's and a robot's alike. */
export const limitOptions: NonNullable<Command['options']> = {
  'pull-only': { type: 'boolean', help: 'it can pull, and nothing else' },
  repository: {
    ...{ type: 'string', multiple: true, value: 'PATTERN' },
    help: 'only these repositories: * within a segment, ** across segments',
  },
};

export function limitsOf(values: Values): { pullOnly: boolean; repositories: string[] } {
  return { pullOnly: values['pull-only'] === true, repositories: textsOf(values, 'repository') };
}

export const passwordCommands: readonly Command[] = [
  {
    name: 'password create',
    usage: 'EMAIL --name NAME [--days N] [--pull-only] [--repository PATTERN ...] [--json]',
    summary: 'Create an app password for a person who has signed in before',
    details: ['The password is written to standard output, once; everything else to standard error.'],
    options: {
      name: { type: 'string', value: 'NAME', help: 'the machine or job that uses it' },
      days: passwordDays,
      ...limitOptions,
    },
    json: { fields: createdFields },
    operands: [1, 1],
    async run([email = ''], values, terminal) {
      const days = wholeNumber(textOf(values, 'days') ?? '90', 'days');
      const input = { name: requiredText(values, 'name'), days, ...limitsOf(values) };
      return withPasswords(terminal, async (core, config) => {
        const next = `Ask them to sign in once at ${config.publicUrl.href.replace(/\/$/, '')}.`;
        await replyCreated(terminal, values, { core, config }, await accountOf(core, email, next), input);
      });
    },
  },
  {
    name: 'password list',
    usage: '[EMAIL] [--json]',
    summary: 'List the app passwords of one person or of everyone',
    json: { list: true, fields: passwordFields },
    operands: [0, 1],
    run: ([email], values, terminal) =>
      withPasswords(terminal, async (core) => {
        const passwords =
          email === undefined
            ? await core.passwords.all()
            : await core.passwords.ofAccount(await accountOf(core, email));
        replyList(terminal, values, passwords, columns, 'There are no passwords.');
      }),
  },
  {
    name: 'password expiring',
    usage: '[--days N] [--json]',
    summary: 'List active passwords that expire soon, the next first; for a cron job',
    options: { days: { type: 'string', value: 'N', help: 'within this many days (default 14)' } },
    json: { list: true, fields: passwordFields },
    operands: [0, 0],
    run: (_operands, values, terminal) =>
      withPasswords(terminal, async (core) => {
        const passwords = await core.passwords.expiring(wholeNumber(String(values['days'] ?? '14'), 'days'));
        // A cron job mails whatever is printed: where nothing expires, there is nothing to say.
        replyList(terminal, values, passwords, columns, null);
      }),
  },
  {
    name: 'password rotate',
    usage: 'ID --days N [--overlap-hours N] [--json]',
    summary: 'Replace a password with a new one of the same name and limits; the old one works for a while longer',
    options: {
      days: { type: 'string', value: 'N', help: 'lifetime of the new one in days' },
      'overlap-hours': { type: 'string', value: 'N', help: 'how long the old one keeps working (default 24)' },
    },
    json: { fields: { ...issuedFields, previous: 'the old one, with the fields of "password list"' } },
    operands: [1, 1],
    run: ([id = ''], values, terminal) =>
      withPasswords(terminal, async (core) => {
        const overlapHours = wholeNumber(String(values['overlap-hours'] ?? '24'), 'overlap-hours');
        const input = { days: wholeNumber(requiredText(values, 'days'), 'days'), overlapHours };
        const { secret, password, previous } = await core.passwords.rotate(id, null, input, byCommandLine, commandLine);
        const about = `The old password works until ${minuteOf(previous.expiresAt)} UTC. The new one (${password.id}):`;
        replySecret(terminal, values, { secret, ...password, previous }, about);
      }),
  },
  {
    name: 'password revoke',
    usage: 'ID [--json]',
    summary: 'Revoke an app password; it stops working with the next request',
    json: { fields: passwordFields },
    operands: [1, 1],
    run: ([id = ''], values, terminal) =>
      withPasswords(terminal, async (core) => {
        const password = await core.passwords.revoke(id, null, byCommandLine);
        confirm(terminal, values, password, `Revoked "${password.name}" of ${password.login}.`);
      }),
  },
];

/** @returns the exit code 0 */
async function withPasswords(
  terminal: Terminal,
  action: (core: Core, config: Config) => Promise<void>,
): Promise<number> {
  const config = configOf(terminal);
  await withCore(config, (core) => action(core, config));
  return 0;
}

/** Makes a password, shows it, and warns of patterns that are no use. */
export async function replyCreated(
  terminal: Terminal,
  values: Values,
  { core, config }: { readonly core: Core; readonly config: Config },
  owner: Owner,
  input: PasswordInput,
): Promise<void> {
  const policy = input.repositories.length > 0 ? await readPolicyFile(config.policyFile) : null;
  const warnings = policy ? await createPatternWarnings(config, core, () => policy)(owner.login, input) : [];
  const { secret, password } = await core.passwords.issue(owner, input, byCommandLine, commandLine);
  for (const warning of warnings) terminal.err(warning);
  const about = `Password "${password.name}" (${password.id}) for ${password.login}, shown only this once:`;
  replySecret(terminal, values, { secret, ...password, warnings }, about);
}

const columns: readonly Column<AppPassword>[] = [
  ['ID', ({ id }) => id],
  ['LOGIN', ({ login }) => login],
  ['NAME', ({ name }) => name],
  ['PASSWORD', ({ hint }) => hint],
  ['STATE', ({ state }) => state],
  ['LIMITS', ({ limits }) => [limits.actions?.join(',') ?? 'full access', ...(limits.repositories ?? [])].join(' ')],
  ['EXPIRES', ({ expiresAt }) => minuteOf(expiresAt)],
  [
    'LAST USE',
    ({ lastUse }) =>
      lastUse === null ? 'never' : `${minuteOf(lastUse.at)} from ${lastUse.address} by ${lastUse.client}`,
  ],
];
