/**
 * Owns what the workers of one start have in common: which keys the operator's files held, and what was published before.
 * A worker that is replaced reads the files as they are by then.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fieldsIn } from '../lib/json.ts';
import { type Before, beforeOf, type PublicFiles, readPublished } from './published.ts';

export type WorkerStart = {
  /** Differs where one of the operator's files does. */
  readonly files: string;
  /** For the environment of each worker. */
  readonly environment: Readonly<Record<string, string>>;
};

type Ring = PublicFiles & {
  readonly name: string;
  readonly own: { readonly certificateFile: string; readonly keyFile: string } | null;
};

/** Set by the primary, for its workers. */
const variable = 'DOCKPASS_PUBLISHED_BEFORE';

/** @returns what says, for a worker that is about to start, to which start it belongs: a new one where the files changed */
export function createWorkerStarts(rings: readonly Ring[], now: () => number): () => Promise<WorkerStart> {
  let last: WorkerStart | null = null;
  return async () => {
    const files = await digestOf(rings);
    if (last?.files === files) return last;
    const found = rings.map(async (ring) => [ring.name, beforeOf(await readPublished(ring), now())] as const);
    const before = Object.fromEntries(await Promise.all(found));
    last = { files, environment: { [variable]: JSON.stringify(before) } };
    return last;
  };
}

/** @returns `null` for a process that is no worker, which looks for itself */
export function beforeThisStart(ring: string): Before | null {
  const text = process.env[variable];
  if (text === undefined) return null;
  const { kid, anchor, at } = fieldsIn(fieldsIn(JSON.parse(text))[ring]);
  return { kid, anchor, at: Number(at) };
}

async function digestOf(rings: readonly Ring[]): Promise<string> {
  const files = rings.flatMap(({ own }) => (own === null ? [] : [own.certificateFile, own.keyFile]));
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex');
}
