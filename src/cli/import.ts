/** Owns `dockpass import ...` and `dockpass compare`: coming from docker_auth. */

import { X509Certificate } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { readPolicyFile } from '../app/policy-file.ts';
import { ConfigError, readConfig } from '../config/config.ts';
import { compareDecisions, formatDifference } from '../docker-auth/compare.ts';
import { importDockerAuth } from '../docker-auth/import.ts';
import { countOf } from '../lib/count.ts';
import { Refusal } from '../lib/errors.ts';
import { formatProblem, type PolicyProblem } from '../policy/acl.ts';
import { DockerAuthError } from '../policy/docker-auth.ts';
import { type Command, type Terminal, UsageError } from './command.ts';
import { writeNewFiles } from './new-file.ts';
import { confirm, reply } from './output.ts';
import { readTextFile } from './read-file.ts';
import { readLines } from './read-lines.ts';

export const importCommands: readonly Command[] = [
  {
    name: 'import docker-auth',
    usage: 'auth_config.yml --out DIR [--without SECTION ...] [--json]',
    summary: 'Write policy.yml and .env from the configuration of docker_auth, and say what needs a look',
    details: [
      "Comments are kept. What Dockpass doesn't have is an error that says what to do instead; then nothing is written.",
    ],
    options: {
      out: {
        type: 'string',
        value: 'DIR',
        help: 'created if missing; existing files are never overwritten',
      },
      without: {
        type: 'string',
        multiple: true,
        value: 'SECTION',
        help: 'import everything except this section (ldap_auth)',
      },
    },
    json: {
      fields: {
        written: 'the files that were written; none after an error',
        problems: 'line, column, severity and message of each part that needs a look',
        refused: 'settings that serve refuses until they are filled in',
      },
    },
    operands: [1, 1],
    async run([file = ''], values, terminal) {
      const { out, without } = values;
      if (typeof out !== 'string') throw new UsageError('--out is missing: say where policy.yml and .env go.');
      const sections = Array.isArray(without) ? without.map(String) : [];
      const imported = importDockerAuth(await readTextFile(file), { without: sections, certificateEnd });
      const { policy, environment, problems } = imported;
      const isJson = values['json'] === true;
      if (!isJson) for (const problem of inOrder(problems)) terminal.err(formatProblem(file, problem));
      const errors = problems.filter(({ severity }) => severity === 'error').length;
      if (errors > 0 && isJson) {
        reply(terminal, values, { written: [], problems: inOrder(problems), refused: [] }, []);
        return 1;
      }
      if (errors > 0) {
        const parts =
          errors === 1 ? "1 part can't be imported as it is" : `${errors} parts can't be imported as they are`;
        terminal.err(`Nothing was written: ${parts}.`);
        return 1;
      }
      const refused = refusedSettings(environment);
      if (!isJson) for (const problem of refused) terminal.err(`.env: warning: serve refuses this: ${problem}`);
      const written = await writeNewFiles(out, [
        { name: 'policy.yml', text: policy },
        { name: '.env', text: environment },
      ]);
      const sentence = `Wrote ${written.join(' and ')}; fill in the values marked there.`;
      confirm(terminal, values, { written, problems: inOrder(problems), refused }, sentence);
      return 0;
    },
  },
  {
    name: 'compare',
    usage: 'auth_config.yml policy.yml LOG ... [--json]',
    summary: "List the decisions in docker_auth's log that a policy would decide differently; exits 1 if there are any",
    details: [
      'LOG is a log of docker_auth, or lines for "policy eval"; "-" is standard input. Groups that a provider reports are not known here.',
    ],
    json: {
      fields: {
        compared: 'how many decisions were compared',
        skipped: 'how many lines have no decision',
        differences: 'each decision that would be different, in words',
      },
    },
    operands: [3, 1000],
    async run([configurationFile = '', policyFile = '', ...logs], values, terminal) {
      const policy = await readPolicyFile(policyFile);
      const configuration = await readTextFile(configurationFile);
      const { differences, compared, skipped } = await orRefuse(
        compareDecisions(configuration, policy, readLogs(logs, terminal)),
      );
      const found = [...differences.values()].map((difference) => formatDifference(difference, policyFile));
      const sentence = `${countOf(compared, 'decision')} compared, ${differences.size} different; ${countOf(skipped, 'line')} without a decision.`;
      reply(terminal, values, { compared, skipped, differences: found }, [...found, sentence]);
      return differences.size === 0 ? 0 : 1;
    },
  },
];

async function* readLogs(logs: readonly string[], terminal: Terminal): AsyncGenerator<string[]> {
  let count = 0;
  for (const log of logs) {
    for await (const lines of readLines(log === '-' ? terminal.input : createReadStream(log))) {
      yield lines.flatMap((line) => (line.trim() === '' ? [] : line.replace(/\r$/, '')));
      count += lines.length;
      terminal.progress(`${countOf(count, 'line')} compared`);
    }
  }
}

function inOrder(problems: readonly PolicyProblem[]): readonly PolicyProblem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

/** `null` where the file isn't here, or holds no certificate: then `serve` says so. */
function certificateEnd(file: string): number | null {
  try {
    return new X509Certificate(readFileSync(file)).validToDate.getTime();
  } catch {
    return null;
  }
}

/** What is wrong with the settings besides those that are still to be filled in. */
function refusedSettings(environment: string): readonly string[] {
  const settings = { ...parseEnv(environment), TRUSTED_PROXIES: '127.0.0.1' };
  try {
    readConfig(settings);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** @throws {Refusal} `bad_request`, for what docker_auth itself could not decide */
async function orRefuse<Result>(compared: Promise<Result>): Promise<Result> {
  try {
    return await compared;
  } catch (error) {
    if (error instanceof DockerAuthError) throw new Refusal('bad_request', error.message);
    throw error;
  }
}
