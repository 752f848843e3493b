/** Owns an installation of Dockpass as an operator has it: a folder, a policy, an environment, real processes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { openStore } from '../../src/store/open.ts';
import { type Finished, type Running, runProgram, startProgram } from './process.ts';
import { main } from './program.ts';
import { signedIn } from './rows.ts';

export const policy = `
groups:
  platform: [ana@example.com]
acl:
  - match: { group: platform }
    actions: ["*"]
`;

export type Server = Running & {
  /** Where it listens, as its log says. */
  readonly url: string;
};

export type Installation = {
  readonly folder: string;
  readonly environment: Record<string, string>;
  /** Runs `dockpass WORDS...` to its end. */
  run(words: readonly string[], environment?: Record<string, string>): Promise<Finished>;
  /** The same in this process, in a tenth of the time: where the command's folder and process don't matter. */
  command(words: readonly string[], environment?: Record<string, string>): Promise<Finished>;
  /** Runs `dockpass serve` on a free port until it listens. */
  serve(environment?: Record<string, string>, options?: readonly string[]): Promise<Server>;
  /** Lets people sign in as far as the store is concerned. */
  addPerson(login: string): Promise<void>;
  remove(): void;
};

export function createInstallation(): Installation {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-'));
  writeFileSync(join(folder, 'policy.yml'), policy);
  const environment = {
    PATH: process.env['PATH'] ?? '',
    PUBLIC_URL: 'http://localhost:5001',
    SERVICES: 'registry.example.com',
    PORT: '0',
    DATA_DIR: join(folder, 'data'),
    POLICY_FILE: join(folder, 'policy.yml'),
  };
  return {
    folder,
    environment,
    run: (words, changes) =>
      runProgram(process.execPath, [main, ...words], { cwd: folder, env: { ...environment, ...changes } }),
    command: (words, changes) => runHere(words, { ...environment, ...changes }),
    async serve(changes, options = []) {
      const env = { ...environment, ...changes };
      const running = await startProgram(process.execPath, [main, 'serve', ...options], {
        cwd: folder,
        env,
        ready: /"listening"/,
      });
      const [, url = ''] = /"url":"([^"]+)"/.exec(running.output()) ?? [];
      return { ...running, url };
    },
    async addPerson(login) {
      const store = await openStore(`sqlite:${join(folder, 'data', 'dockpass.db')}`, () => {});
      await store.accounts.signIn(
        signedIn({ id: `account-${login}`, subject: login, login, email: login, at: Date.now() }),
      );
      await store.close();
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function runHere(words: readonly string[], environment: Record<string, string>): Promise<Finished> {
  const { runCommand } = await import('../../src/cli/cli.ts');
  const printed = { stdout: '', output: '' };
  const err = (line: string): void => {
    printed.output += `${line}\n`;
  };
  const out = (line: string): void => {
    printed.stdout += `${line}\n`;
    err(line);
  };
  const code = await runCommand(words, { environment, input: Readable.from([]), out, err });
  return { code, ...printed };
}
