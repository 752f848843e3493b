/** Owns the way from the workloads file, and the files that it names, to the workloads in force. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { errorCode, Refusal } from '../lib/errors.ts';
import { megabyte, readAtMost } from '../lib/read-at-most.ts';
import { PolicyError } from '../policy/acl.ts';
import { decodeUtf8 } from '../policy/encoding.ts';
import type { WorkloadsInForce } from '../workload/accept.ts';
import type { Issuer, IssuerContext } from '../workload/issuer.ts';
import { type KeySet, KeySetError, readKeySet } from '../workload/key-set.ts';
import { parseWorkloads } from '../workload/workloads.ts';

/** Which file it is, and what of the installation it must agree with. */
export type WorkloadsSource = {
  readonly file: string;
  /** Whether the file must be there: not where its name is only the default. */
  readonly isRequired: boolean;
  readonly context: IssuerContext;
};

export type WorkloadsReading = {
  /** `null`: there is no file, so the feature is off. */
  readonly workloads: WorkloadsInForce | null;
  /** Everything that it was read from, to tell whether anything changed. */
  readonly text: string;
  /** The files that it names. */
  readonly named: readonly string[];
};

/** A larger file is another one by mistake. */
const maximumSize = 16 * megabyte;

const none: WorkloadsReading = { workloads: null, text: '', named: [] };

export function workloadsSourceOf(config: Config): WorkloadsSource {
  const { workloads, google, oidc, services } = config;
  const clientIds = [google?.clientId, ...oidc.map(({ clientId }) => clientId)].filter((id) => id !== undefined);
  const audience = config.publicUrl.origin + config.prefix;
  return { ...workloads, context: { audience, clientIds, services: services.map(({ name }) => name) } };
}

/**
 * @param last kept where nothing changed, so that who compares sees the same object
 * @throws {PolicyError} with every mistake, by line and column
 * @throws {Refusal} `not_found`, where the file must be there and can't be read
 */
export async function readWorkloadsFile(
  source: WorkloadsSource,
  last: WorkloadsReading = none,
): Promise<WorkloadsReading> {
  const { file, context } = source;
  const text = await readText(source);
  if (text === null) return none;
  const workloads = parseWorkloads(text, file, context);
  const named = await readNamedFiles([...workloads.issuers.values()], file);
  const whole = JSON.stringify([text, ...named.map(({ text: content }) => content)]);
  const reading = { text: whole, named: named.map(({ path }) => path) };
  if (whole === last.text) return { ...reading, workloads: last.workloads };
  return { ...reading, workloads: Object.freeze({ ...workloads, files: filesOf(named) }) };
}

async function readText({ file, isRequired }: WorkloadsSource): Promise<string | null> {
  const bytes = await readAtMost(file, maximumSize).catch((cause: unknown) => {
    if (cause instanceof Refusal) throw cause;
    if (errorCode(cause) === 'ENOENT' && !isRequired) return null;
    const how = 'WORKLOADS_FILE names it; docs/workloads.md shows how to write one';
    throw new Refusal('not_found', `The workloads file ${file} cannot be read (${errorCode(cause)}). ${how}.`);
  });
  return bytes && decodeUtf8(bytes, file);
}

type NamedFile = {
  readonly issuer: Issuer;
  readonly path: string;
  readonly text: string;
  readonly keys: KeySet | null;
};

/** @throws {PolicyError} */
async function readNamedFiles(issuers: readonly Issuer[], file: string): Promise<NamedFile[]> {
  const problems: PolicyError['problems'][number][] = [];
  const found: NamedFile[] = [];
  for (const issuer of issuers) {
    const name = issuer.keys.kind === 'file' ? issuer.keys.file : issuer.keys.caFile;
    if (name === null) continue;
    const path = resolve(dirname(file), name);
    try {
      const text = await readFile(path, 'utf8');
      found.push({ issuer, path, text, keys: issuer.keys.kind === 'file' ? readKeySet(text) : checkAuthority(text) });
    } catch (error) {
      const why = error instanceof KeySetError ? error.message : `it cannot be read (${errorCode(error)})`;
      problems.push({ ...issuer.place, severity: 'error', message: `issuers.${issuer.name}: ${path}: ${why}` });
    }
  }
  if (problems.length > 0) throw new PolicyError(file, problems);
  return found;
}

function checkAuthority(text: string): null {
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new KeySetError('it has no PEM certificate');
  return null;
}

function filesOf(named: readonly NamedFile[]): WorkloadsInForce['files'] {
  return {
    keys: new Map(named.flatMap(({ issuer, keys }) => (keys === null ? [] : [[issuer.name, keys] as const]))),
    authorities: new Map(
      named.flatMap(({ issuer, keys, text }) => (keys === null ? [[issuer.name, text] as const] : [])),
    ),
  };
}
