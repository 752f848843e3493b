/** Owns how a command opens what it works with, and closes it whatever happens. */
import { type Administration, createAdministration } from '../app/administration.ts';
import { type Core, openCore } from '../app/core.ts';
import { type Config, readConfig } from '../config/config.ts';
import { readPolicyFile } from '../policy-file.ts';
import type { Terminal } from './command.ts';

/** Who does what a command does. */
export const byCommandLine = { actor: 'command line', client: null };

/** @returns the exit code 0 */
export async function withAdministration(
  terminal: Terminal,
  action: (administration: Administration, core: Core, config: Config) => Promise<void>,
): Promise<number> {
  const config = readConfig({ ...terminal.environment, LOG_LEVEL: 'silent' });
  const policy = await readPolicyFile(config.policyFile);
  const core = await openCore(config);
  try {
    await action(
      createAdministration(config, core, () => policy),
      core,
      config,
    );
    return 0;
  } finally {
    await core.close();
  }
}
