/** Owns the commands that look after a running Dockpass: `dockpass backup`, `dockpass health`. */

import { basename, join } from 'node:path';
import { readPolicyFile } from '../app/policy-file.ts';
import { type Config, readConfig, readStorageConfig } from '../config/config.ts';
import { createProbe } from '../doctor/probe.ts';
import { secretNames } from '../lib/data-folder.ts';
import { errorCode, errorMessage, Refusal } from '../lib/errors.ts';
import { fieldsIn, isTexts } from '../lib/json.ts';
import { backUp, backupName, recordBackup, removeOldBackups } from './backup-folder.ts';
import { type Command, UsageError, wholeNumber } from './command.ts';
import { note, reply } from './output.ts';

export const backupCommands: readonly Command[] = [
  {
    name: 'backup',
    usage: 'FOLDER [--keep N] [--without-secrets] [--json]',
    summary: 'Copy database, keys and secrets into a new folder while the service runs',
    details: [
      'The folder is a DATA_DIR. To restore it, stop the service, put the folder in place of the old one, and start the service with "serve --restore".',
      'It contains signing keys and secrets: keep it as safe as DATA_DIR.',
      'With PostgreSQL it contains only the files; copy the database with pg_dump.',
    ],
    options: {
      keep: {
        type: 'string',
        value: 'N',
        help: 'make a folder inside FOLDER, named after the time, and delete all such folders but the newest N',
      },
      'without-secrets': {
        type: 'boolean',
        help: `leave out ${secretNames.join(', ')}: store them separately, once, and put them back to restore`,
      },
    },
    json: {
      fields: {
        folder: 'where the backup is',
        hasDatabase: 'false with PostgreSQL, which pg_dump copies',
        deleted: 'older backups that --keep deleted',
      },
    },
    operands: [1, 1],
    async run([folder = ''], values, terminal) {
      if (folder === '') throw new UsageError('FOLDER is empty: name the folder to make.');
      const { keep } = values;
      const storage = readStorageConfig(terminal.environment);
      const kept = keep === undefined ? null : wholeNumber(String(keep), 'keep');
      if (kept === 0) throw new UsageError('--keep takes at least 1.');
      const target = kept === null ? folder : join(folder, backupName(new Date()));
      const { hasDatabase, skipped } = await backUp(storage, target, {
        withoutSecrets: values['without-secrets'] === true,
        onStep: terminal.progress,
      });
      const unrecorded = await recordBackup(storage.dataFolder);
      const deleted = kept === null ? [] : await removeOldBackups(folder, basename(target), kept);
      reply(terminal, values, { folder: target, hasDatabase, deleted }, [target]);
      if (!hasDatabase) terminal.err('The database is not in it: copy PostgreSQL with pg_dump.');
      for (const path of skipped) terminal.err(`${path} is not in it: it's neither a file, a folder nor a link.`);
      if (unrecorded !== null) terminal.err(`The backup is whole, but the metrics won't show it: ${unrecorded}.`);
      for (const name of deleted) note(terminal, values, `deleted ${name}`);
      return 0;
    },
  },
  {
    name: 'health',
    usage: '[--url URL] [--strict] [--json]',
    summary: 'Check the health of the Dockpass on this machine; exits 1 if it is not healthy',
    details: ['For health checks of containers, which have no curl.'],
    options: {
      url: {
        type: 'string',
        value: 'URL',
        help: 'ask this address instead; the public one goes through the proxy, as clients do',
      },
      strict: {
        type: 'boolean',
        help: 'also exit 1 for warnings, which only its own machine can read; for a proxy that TRUSTED_PROXIES lacks; and if no one can sign in or pull',
      },
    },
    json: {
      fields: {
        healthy: 'whether it can do its work',
        problems: 'with --strict, what should be fixed',
        readiness: 'what /readyz answers: the object, or its text',
      },
    },
    operands: [0, 0],
    async run(_operands, values, terminal) {
      const config = readConfig(terminal.environment);
      const url = values['url'] === undefined ? readinessUrl(config) : publicReadinessUrl(String(values['url']));
      // This machine's own address: the certificate is for the public name, so it isn't checked.
      const { status, body } = await createProbe([])(url, { overlookTls: values['url'] === undefined }).catch(
        (cause) => {
          const why = errorCode(cause) || errorMessage(cause);
          throw new Refusal('unavailable', `${url.href} does not answer (${why}): is the service running there?`);
        },
      );
      const problems = values['strict'] === true ? [...problemsIn(body), ...(await missingIn(config))] : [];
      const isHealthy = status === 200 && problems.length === 0;
      if (values['json'] === true) {
        reply(terminal, values, { healthy: isHealthy, problems, readiness: parsed(body) }, []);
        return isHealthy ? 0 : 1;
      }
      (isHealthy ? terminal.out : terminal.err)(body);
      for (const problem of problems) terminal.err(problem);
      return isHealthy ? 0 : 1;
    },
  },
];

/** @throws {UsageError} */
function publicReadinessUrl(text: string): URL {
  const url = URL.parse(`${text.replace(/\/$/, '')}/readyz`);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new UsageError(`--url takes an address such as https://auth.example.com, not "${text}".`);
  return url;
}

/** What a strict reader of /readyz makes of it. Asked from elsewhere, it has only the number of warnings: those aren't problems. */
function problemsIn(body: string): string[] {
  const { warnings = [], untrustedProxy } = readReadiness(body);
  if (untrustedProxy === undefined) return [...warnings];
  const help = 'add it to TRUSTED_PROXIES, or throttling and rules by address see the proxy instead of the client';
  return [...warnings, `A proxy at ${untrustedProxy} forwards requests: ${help}.`];
}

type Readiness = { readonly warnings?: readonly string[]; readonly untrustedProxy?: string };

/** Something else can answer at that address. */
function readReadiness(body: string): Readiness {
  try {
    const { warnings, untrustedProxy } = fieldsIn(JSON.parse(body));
    return {
      ...(isTexts(warnings) && { warnings }),
      ...(typeof untrustedProxy === 'string' && { untrustedProxy }),
    };
  } catch {
    return {};
  }
}

/** Something else can answer at that address, with another kind of text. */
function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

/** What an installation lacks, although it works. */
async function missingIn({ google, oidc, policyFile }: Config): Promise<string[]> {
  const { rules, users } = await readPolicyFile(policyFile);
  const isClosed = google === null && oidc.length === 0 && users.size === 0;
  return [
    ...(isClosed ? ['No one can sign in: set GOOGLE_CLIENT_ID or OIDC_PROVIDERS.'] : []),
    ...(rules.length === 0 ? [`The policy ${policyFile} has no rule: no one can pull or push.`] : []),
  ];
}

function readinessUrl({ tls, host, port, prefix }: Config): URL {
  const address = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return new URL(`${tls === null ? 'http' : 'https'}://${address}:${port}${prefix}/readyz`);
}
