/** Owns what the commands that work on the database share: how they open it and close it whatever happens, and how they name people. */
import { type Administration, createAdministration } from '../app/accounts.ts';
import { type Core, openCore, settled } from '../app/core.ts';
import { readPolicyFile } from '../app/policy-file.ts';
import { type Config, readConfig } from '../config/config.ts';
import { foldCase } from '../identity/identity.ts';
import { Refusal } from '../lib/errors.ts';
import type { Account } from '../store/accounts.ts';
import type { Terminal } from './command.ts';

/** Who does what a command does. */
export const byCommandLine = { actor: 'command line', client: null };

/** The settings of the service; a command says what it has to say on the terminal; the service logs what it did. */
export function configOf({ environment }: Terminal): Config {
  return readConfig({ ...environment, LOG_LEVEL: 'silent' });
}

/** Opens database, keys and secrets for the action, and closes them after it. */
export async function withCore<Result>(config: Config, action: (core: Core) => Promise<Result>): Promise<Result> {
  const core = await openCore(config);
  try {
    return await action(core);
  } finally {
    await core.close();
  }
}

/** @returns the exit code 0 */
export async function withAdministration(
  terminal: Terminal,
  action: (administration: Administration, core: Core, config: Config) => Promise<void>,
): Promise<number> {
  const config = configOf(terminal);
  const policy = await readPolicyFile(config.policyFile);
  await withCore(config, (core) => {
    const counted = settled(config, core);
    return action(
      createAdministration(counted, core, () => policy),
      core,
      counted,
    );
  });
  return 0;
}

/**
 * @param next what can be done about someone who has none: a sentence
 * @throws {Refusal} `not_found`
 */
export async function accountOf({ store }: Core, email: string, next?: string): Promise<Account> {
  const account = await store.accounts.byLogin(foldCase(email));
  if (account !== undefined) return account;
  throw new Refusal(
    'not_found',
    `${email} has not signed in yet. ${next === undefined ? '' : `${next} `}"dockpass person list" lists everyone who has.`,
  );
}

/** The service that was named, or else all. @throws {Refusal} `not_found`, for a name that SERVICES doesn't have */
export function serviceNames(config: Config, service: string | null): string[] {
  const found = service === null ? config.services : [serviceNamed(config, service)];
  return found.map(({ name }) => name);
}

/** @throws {Refusal} `not_found`, for a name that SERVICES doesn't have */
export function serviceNamed({ services }: Config, service: string): Config['services'][number] {
  const found = services.find(({ name }) => name === service);
  if (found !== undefined) return found;
  const names = services.map(({ name }) => name).join(', ');
  throw new Refusal('not_found', `There is no service "${service}". SERVICES has ${names}.`);
}
