/** The process: arguments in, a command run, an exit code out. */
import { existsSync } from 'node:fs';
import { runCommand } from './cli/cli.ts';

// Whatever is made here is for this user alone: the database holds who may do what. Public files say so themselves.
process.umask(0o077);

// `dockpass password list | head` ends the reader first, which is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

if (existsSync('.env')) process.loadEnvFile('.env');

process.exitCode = await runCommand(process.argv.slice(2), {
  environment: process.env,
  input: process.stdin,
  out: (line) => process.stdout.write(`${line}\n`),
  note: (line) => process.stderr.write(`${line}\n`),
});
