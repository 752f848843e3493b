/** The process: arguments in, a command run, an exit code out. */

import { existsSync } from 'node:fs';
import { runCommand } from './cli/cli.ts';
import { createAsk } from './cli/prompt.ts';
import { envFileSetting } from './config/settings.ts';
import { errorMessage } from './lib/errors.ts';

// Whatever is made here is for this user alone: the database holds who may do what. Public files say so themselves.
process.umask(0o077);

// `dockpass password list | head` ends the reader first, which is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const envFile = process.env[envFileSetting];
if (envFile !== undefined || existsSync('.env')) loadSettings(envFile ?? '.env');

process.exitCode = await runCommand(process.argv.slice(2), {
  environment: process.env,
  input: process.stdin,
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
  ask: createAsk(process.stdin, process.stderr),
});

/** The environment wins over the file. */
function loadSettings(file: string): void {
  try {
    process.loadEnvFile(file);
  } catch (error) {
    process.stderr.write(`${envFileSetting} names ${file}, which can't be read: ${errorMessage(error)}\n`);
    process.exit(1);
  }
}
