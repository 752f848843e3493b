/** Owns what a registry says of a tag at this moment, for a page: what it is, or in words why that isn't known. */
import { Refusal } from '../lib/errors.ts';
import { type Artifact, describe } from './artifact.ts';
import { isTag } from './names.ts';
import type { Registry } from './registry.ts';

export type TagReading =
  | { readonly outcome: 'read'; readonly digest: string; readonly artifact: Artifact }
  /** `gone`: the registry has no such tag. `unknown`: it couldn't be asked. */
  | { readonly outcome: 'gone' | 'unknown'; readonly problem: string };

/** @param registry `null` where its address isn't configured */
export async function readTag(
  registry: Pick<Registry, 'manifest'> | null,
  name: string,
  tag: string,
): Promise<TagReading> {
  if (registry === null) {
    const what =
      'What it is, and its platforms, are in the registry, which Dockpass can’t ask: SERVICE_<NAME>_URL is not set.';
    return { outcome: 'unknown', problem: what };
  }
  if (!isTag(tag)) return { outcome: 'gone', problem: 'That can’t be the name of a tag.' };
  try {
    const manifest = await registry.manifest(name, tag);
    if (manifest !== null) return { outcome: 'read', digest: manifest.digest, artifact: describe(manifest) };
    return { outcome: 'gone', problem: 'The registry has no such tag now. What follows is what was reported before.' };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return {
      outcome: 'unknown',
      problem: 'The registry doesn’t answer just now. What follows is what was reported before.',
    };
  }
}
