/**
 * Owns putting the plugin onto a node and taking it off. Invariant, at each moment and after each crash: a kubelet that
 * starts now finds a configuration that it can read, and each plugin that this names.
 */

import { Refusal } from '../lib/errors.ts';
import { isRecord, readJson } from '../lib/json.ts';
import { type NodeSettings, providerName } from './node-config.ts';
import { namesPlugin, withFlags, withoutFlags, withoutProvider, withProvider } from './node-files.ts';
import { checkNode, findPlace, type NodeParts, type NodePlace } from './node-place.ts';

type Change = { readonly path: string; readonly text: string | null };
/** What files were before: written first, removed last, so that the run after a crash knows. */
type Journal = { readonly phase: 'changing' | 'restoring'; readonly before: readonly Change[] };

/** The kubelet didn't like the change, and what was there before is back: the next node wouldn't like it either. */
export class Restored extends Refusal {}

export type Installed = 'unchanged' | 'changed';

const journalFile = '/var/lib/dockpass-node/journal.json';

/**
 * @param request.plugin the text of the plugin
 * @throws {Refusal} where nothing was changed; {Restored} where what was before is back
 */
export async function installOnNode(
  parts: NodeParts,
  request: { readonly settings: NodeSettings; readonly plugin: string },
): Promise<Installed> {
  const { host } = parts;
  const interrupted = await resume(parts);
  await checkNode(parts);
  const place = await findPlace(parts);
  await refuseSecondEntry(parts, place);
  const changes = [
    { path: place.file, text: withProvider(await host.read(place.file), place.file, request.settings) },
    ...(await flagsChange(parts, place, withFlags)),
  ];
  const plugin = pluginOf(place);
  // Before anything names it.
  if ((await host.read(plugin)) !== request.plugin) await host.write(plugin, request.plugin, 0o755);
  return apply(parts, place, changes, interrupted);
}

/** @throws {Refusal} where nothing was changed; {Restored} where what was before is back */
export async function removeFromNode(parts: NodeParts): Promise<Installed> {
  const { host } = parts;
  const interrupted = await resume(parts);
  await checkNode(parts);
  const place = await findPlace(parts);
  const text = await host.read(place.file);
  const rest = text === null ? null : withoutProvider(text, place.file);
  const isLast = rest === null && (await otherConfigurations(parts, place)).length === 0;
  const flags = isLast ? await flagsChange(parts, place, (all, ...more) => withoutFlags(all ?? '', ...more)) : [];
  // After an interruption our own are gone already, and only the running kubelet still has them.
  if (isLast && text !== null && interrupted === null) refuseForeignFlags(parts, place, flags);
  // First no one needs the file, then it goes, and the plugin after it.
  const done = await apply(parts, place, [...flags, { path: place.file, text: rest }], interrupted);
  await removePlugin(parts, place);
  return done;
}

async function apply(
  parts: NodeParts,
  place: NodePlace,
  wanted: readonly Change[],
  interrupted: Journal | null,
): Promise<Installed> {
  const { host, kubelet } = parts;
  const current = await Promise.all(wanted.map(async ({ path }) => ({ path, text: await host.read(path) })));
  const changes = wanted.filter(({ text }, index) => text !== current[index]?.text);
  if (changes.length === 0 && interrupted === null) return 'unchanged';
  const known = interrupted?.before ?? [];
  const before = [...known, ...current.filter(({ path }) => !known.some((one) => one.path === path))];
  await writeJournal(parts, { phase: 'changing', before });
  for (const change of changes) await put(parts, change);
  if (await kubelet.restart()) {
    await host.remove(journalFile);
    return 'changed';
  }
  await restore(parts, before);
  await removePlugin(parts, place);
  throw new Restored(
    'misconfigured',
    `The kubelet was not healthy within a minute with ${place.file}. What was there before is back, and it is healthy again. Its log says why: journalctl -u ${parts.profile === 'k3s' ? 'k3s' : 'kubelet'}`,
  );
}

/** @returns what an interrupted run had begun, where it can be continued */
async function resume(parts: NodeParts): Promise<Journal | null> {
  const text = await parts.host.read(journalFile);
  if (text === null) return null;
  const journal = readJson(text, isJournal);
  if (journal.phase === 'changing' && (await parts.kubelet.isHealthy())) return journal;
  await restore(parts, journal.before);
  throw new Restored(
    'misconfigured',
    'A run before this one was interrupted while the kubelet was not healthy. What was there before is back.',
  );
}

/** In the opposite order. @throws {Restored} where the kubelet isn't healthy even so */
async function restore(parts: NodeParts, before: readonly Change[]): Promise<void> {
  await writeJournal(parts, { phase: 'restoring', before });
  for (const change of before.toReversed()) await put(parts, change);
  if (!(await parts.kubelet.restart())) {
    throw new Restored(
      'unavailable',
      'What was there before is back, but the kubelet is still not healthy: look at its log.',
    );
  }
  await parts.host.remove(journalFile);
}

async function put({ host }: NodeParts, { path, text }: Change): Promise<void> {
  await (text === null ? host.remove(path) : host.write(path, text));
}

/** The journal can hold what others configured for their plugins. */
async function writeJournal({ host }: NodeParts, journal: Journal): Promise<void> {
  await host.write(journalFile, JSON.stringify(journal), 0o600);
}

function isJournal(value: unknown): value is Journal {
  return (
    isRecord(value) && ['changing', 'restoring'].includes(String(value['phase'])) && Array.isArray(value['before'])
  );
}

const pluginOf = (place: NodePlace): string => `${place.bin}/${providerName}`;

async function removePlugin({ host }: NodeParts, place: NodePlace): Promise<void> {
  const text = await host.read(place.file);
  if (text === null || !namesPlugin(text, place.file)) await host.remove(pluginOf(place));
}

async function flagsChange(
  { host }: NodeParts,
  place: NodePlace,
  change: typeof withFlags,
): Promise<readonly Change[]> {
  const path = place.environmentFile;
  return path === null ? [] : [{ path, text: change(await host.read(path), path, place) }];
}

/** Of several files in a folder, two with the same provider stop the kubelet. */
async function refuseSecondEntry(
  { host }: Pick<NodeParts, 'host'>,
  { config, file }: Pick<NodePlace, 'config' | 'file'>,
): Promise<void> {
  for (const path of await otherConfigurations({ host }, { config, file })) {
    const text = await host.read(path);
    if (text !== null && namesPlugin(text, path)) {
      throw new Refusal(
        'conflict',
        `${path} has an entry ${providerName} already. Remove it; this one writes ${file}. Nothing was changed.`,
      );
    }
  }
}

/** Beside our file, where the configuration is a folder. */
async function otherConfigurations(
  { host }: Pick<NodeParts, 'host'>,
  { config, file }: Pick<NodePlace, 'config' | 'file'>,
): Promise<string[]> {
  if (config === file) return [];
  const names = (await host.list(config)).filter((name) => /\.(?:json|ya?ml)$/.test(name));
  return names.map((name) => `${config}/${name}`).filter((path) => path !== file);
}

/** A kubelet whose flags name a file that is gone doesn't start. */
function refuseForeignFlags({ profile }: NodeParts, place: NodePlace, flags: readonly Change[]): void {
  if (profile === 'k3s' || flags.length > 0) return;
  throw new Refusal(
    'misconfigured',
    `Nothing else is in ${place.config}, and the kubelet's flags name it. Remove --image-credential-provider-config and --image-credential-provider-bin-dir from them first. Nothing was changed.`,
  );
}
