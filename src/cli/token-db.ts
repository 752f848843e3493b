/** Owns `dockpass import token-db`: app passwords of docker_auth that go on working. */
import { checkDays, checkName } from '../app-passwords/input.ts';
import type { Config } from '../config/config.ts';
import { importPasswords, type PasswordImport, type PasswordImportOptions } from '../docker-auth/import-passwords.ts';
import { readTokenDb, type TokenDb } from '../docker-auth/token-db.ts';
import { countOf, wordFor } from '../lib/count.ts';
import { Refusal } from '../lib/errors.ts';
import { day } from '../lib/time.ts';
import { type Command, UsageError, type Values, wholeNumber } from './command.ts';
import { byCommandLine, configOf, withCore } from './core.ts';
import { reply } from './output.ts';

export const tokenDbCommands: readonly Command[] = [
  {
    name: 'import token-db',
    usage: 'DIR [--provider NAME] [--days N] [--name NAME] [--used-within DAYS] [--dry-run] [--json]',
    summary: "Import app passwords from docker_auth's LevelDB token database, so that no one has to sign in again",
    details: [
      'DIR is what level_token_db.path names; it is only read. Stop docker_auth first. Run it again as often as you like.',
      'Only the hashes of passwords are taken, and labels until the first sign-in; never the tokens of the provider.',
    ],
    options: {
      provider: {
        type: 'string',
        value: 'NAME',
        help: 'who signs these people in from now on: "google", or one of OIDC_PROVIDERS',
      },
      days: {
        type: 'string',
        value: 'N',
        help: 'how many days the passwords work (default and maximum: PASSWORD_MAX_DAYS)',
      },
      name: { type: 'string', value: 'NAME', help: 'what they are called in lists (default: docker_auth)' },
      'used-within': {
        type: 'string',
        value: 'DAYS',
        help: "leave out people who haven't used docker_auth for so many days",
      },
      'dry-run': { type: 'boolean', help: 'say what would happen, and change nothing' },
    },
    json: {
      fields: {
        unusable: 'entries that could not be read: email and reason',
        passwords: 'email, outcome, reason and labels of each',
        dryRun: 'true: nothing was changed',
      },
    },
    operands: [1, 1],
    async run([folder = ''], values, terminal) {
      const config = configOf(terminal);
      const input = readOptions(values, config, Date.now());
      terminal.progress('Reading the token database');
      const found = await readTokenDb(folder);
      const done = await withCore(config, (core) =>
        importPasswords(
          { ...core, by: byCommandLine, maximumPerAccount: config.passwordsPerAccount, now: Date.now },
          found.entries,
          input,
          (count) => terminal.progress(`${count} of ${countOf(found.entries.length, 'password')} looked at`),
        ),
      );
      if (values['json'] === true) {
        reply(terminal, values, { unusable: found.unusable, passwords: done, dryRun: input.dryRun }, []);
        return 0;
      }
      for (const line of describeLeftOut(found, done)) terminal.err(line);
      for (const line of describe(done, input)) terminal.out(line);
      return 0;
    },
  },
];

/** @throws {UsageError | Refusal} */
function readOptions(values: Values, config: Config, now: number): PasswordImportOptions {
  const { days, name = 'docker_auth', 'used-within': usedWithin, 'dry-run': dryRun } = values;
  const wanted = days === undefined ? config.passwordMaximumDays : wholeNumber(String(days), 'days');
  checkDays(wanted, config.passwordMaximumDays);
  const age = usedWithin === undefined ? null : wholeNumber(String(usedWithin), 'used-within');
  return {
    ...readProvider(values['provider'], config),
    name: checkName(String(name)),
    days: wanted,
    usedSince: age === null ? null : now - age * day,
    dryRun: dryRun === true,
  };
}

function readProvider(
  wanted: Values[string],
  { google, oidc }: Config,
): Pick<PasswordImportOptions, 'provider' | 'domains'> {
  const providers = [...(google === null ? [] : [{ name: 'google', domains: google.domains }]), ...oidc];
  const names = providers.map(({ name }) => name).join(', ');
  if (names === '') {
    throw new Refusal(
      'misconfigured',
      'No provider is configured: set GOOGLE_CLIENT_ID or OIDC_PROVIDERS first, as these people sign in there later.',
    );
  }
  const provider =
    wanted === undefined && providers.length === 1 ? providers[0] : providers.find(({ name }) => name === wanted);
  if (provider !== undefined) return { provider: provider.name, domains: provider.domains };
  throw new UsageError(`--provider names who signs these people in from now on; configured: ${names}.`);
}

function describeLeftOut({ unusable }: TokenDb, done: readonly PasswordImport[]): string[] {
  const leftOut = done.filter(({ outcome }) => outcome === 'left out');
  return [...unusable, ...leftOut].map(({ email, reason }) => `${JSON.stringify(email)} is left out: ${reason}.`);
}

function describe(done: readonly PasswordImport[], { provider, days, dryRun }: PasswordImportOptions): string[] {
  const count = (outcome: PasswordImport['outcome']): number => done.filter((one) => one.outcome === outcome).length;
  const taken = done.filter(({ outcome }) => outcome === 'imported' || outcome === 'replaced');
  const labelled = taken.filter(({ labels }) => labels.length > 0);
  const labels = [...new Set(labelled.flatMap((one) => one.labels))].join(', ');
  return [
    `${dryRun ? 'Would import' : 'Imported'} ${countOf(taken.length, 'password')} for ${provider}, valid for ${countOf(days, 'day')}; ${count('replaced')} of them ${wordFor(count('replaced'), 'replaces', 'replace')} one that was imported before.`,
    ...(count('known') > 0 ? [`${countOf(count('known'), 'password')} had been imported before.`] : []),
    ...(labels === ''
      ? []
      : [
          `${labelled.length} of these people ${wordFor(labelled.length, 'keeps', 'keep')} their labels (${labels}) until they sign in; from then on the provider's groups count: write rules with match.group beside those with match.labels.`,
        ]),
    ...(dryRun ? ['Nothing was changed.'] : []),
  ];
}
