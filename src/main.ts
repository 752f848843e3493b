/** The process: arguments in, a command run, an exit code out. */

import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { runCommand } from './cli/cli.ts';
import { createAsk } from './cli/prompt.ts';
import { progressOn, screenOf, visible, visibleInColor } from './cli/screen.ts';
import { type Environment, envFileSetting } from './config/settings.ts';
import { errorCode, errorMessage, Refusal } from './lib/errors.ts';

// Whatever is made here is for this user alone: the database holds who may do what. Public files say so themselves.
process.umask(0o077);

// `dockpass password list | head` ends the reader first, which is no fault.
const readers = new AbortController();
process.stdout.on('error', (error) => {
  if (errorCode(error) === 'EPIPE') return readers.abort();
  process.stderr.write(`The output can't be written (${errorCode(error)}): it isn't complete.\n`);
  process.exit(1);
});
// There is nowhere left to report it.
process.stderr.on('error', () => {});

let environment: Environment | undefined;

process.exitCode = await runCommand(process.argv.slice(2), {
  // Read when a command asks for a setting: help, completion and the version work without the file, however it looks.
  get environment() {
    environment ??= readEnvironment();
    return environment;
  },
  input: process.stdin,
  // What goes into a file or a program is data.
  out: (line) => process.stdout.write(`${process.stdout.isTTY ? visibleInColor(line) : line}\n`),
  err: (line) => process.stderr.write(`${visible(line)}\n`),
  ask: createAsk(process.stdin, process.stderr),
  screen: screenOf(process.stdout, process.env),
  showProgress: progressOn(process.stderr, process.env),
  readersLeft: readers.signal,
});

/** The environment wins over the file. @throws {Refusal} where the file is named and can't be read */
function readEnvironment(): Environment {
  const named = process.env[envFileSetting];
  if (named === undefined && !existsSync('.env')) return process.env;
  try {
    // Not by loadEnvFile: it says of a file that isn't this user's that it doesn't exist.
    const settings = parseEnv(readFileSync(named ?? '.env', 'utf8'));
    for (const [name, value] of Object.entries(settings)) process.env[name] ??= value;
    return process.env;
  } catch (error) {
    const file = named === undefined ? 'The file .env' : `${envFileSetting} names ${named}, which`;
    const isFolder = errorCode(error) === 'EISDIR';
    const why = isFolder
      ? 'it is a folder (Docker makes one where a file that it mounts is missing)'
      : errorMessage(error);
    throw new Refusal('misconfigured', `${file} can't be read: ${why}`);
  }
}
