/** Writes what the company's registry reported: repositories, tags, who pushed, and pulls of a month with a gap. */
import { day, dayNumber, hour } from '../../src/lib/time.ts';
import type { Push } from '../../src/store/registry-changes.ts';
import type { Store } from '../../src/store/store.ts';
import { pushedImage } from './paper-registry.ts';

const service = 'registry.example.com';

/** Name, tags, MB, days since the last push, who pushed, pulls a day. */
const known: readonly (readonly [string, readonly string[], number, number, string, number])[] = [
  ['platform/gateway', ['2.4.1', '2.4.0', '2.3.7', 'latest'], 84, 0.1, 'ana@example.com', 41],
  ['platform/gateway-charts', ['2.4.1'], 0.02, 0.2, 'robot-ci-web', 3],
  ['platform/runner', ['latest'], 612, 3, 'robot-ci-web', 120],
  ['prod/web/shop', ['2026.11.30', '2026.11.29'], 131, 0.4, 'robot-ci-web', 260],
  ['prod/web/search', ['2026.11.21'], 98, 9, 'robot-ci-web', 77],
  ['web/shop', ['main', 'pr-1204', 'pr-1203'], 130, 0.3, 'robot-ci-web', 18],
  ['web/blog', ['main'], 55, 34, 'bo.berg@example.com', 0],
  ['data/etl', ['nightly', '14', '13'], 1_420, 0.9, 'robot-mirror', 8],
  ['base/debian', ['13', '12', '13-slim'], 402, 12, 'robot-mirror', 310],
  ['base/alpine', ['3.22'], 8, 12, 'robot-mirror', 190],
  ['people/ana/scratch', ['x'], 12, 1, 'ana@example.com', 1],
  ['people/ana/a-repository-with-quite-a-long-name-that-somebody-once-chose-for-an-experiment', ['1'], 3, 60, '', 0],
];

/** What the registry has. */
export function tagsOf(name: string): readonly string[] {
  return known.find(([candidate]) => candidate === name)?.[1] ?? [];
}

/** @param today epoch milliseconds */
export async function writeRepositories(store: Store, today: number): Promise<void> {
  const logins = [...new Set(known.map(([, , , , login]) => login))].filter((login) => login !== '');
  const actors = await store.registryEvents.actorsOf([
    ...[...logins, 'ci:acme/web'].map(
      (login) => ({ login, kind: login.startsWith('ci:') ? 'workload' : 'unknown' }) as const,
    ),
  ]);
  await store.registryEvents.noteArrival(service, today - 120 * day);
  for (const [name, tags, megabytes, ago, login, pulls] of known) {
    const actor = actors.get(login) ?? 'unknown';
    const at = Math.round(today - ago * day);
    const pushes = tags.map((tag, index): Push => {
      const pushedAt = at - index * 26 * hour;
      const digest = pushedImage(name, tag);
      const layers = [{ digest: `${digest.slice(0, -1)}0`, size: Math.round(megabytes * 1e6) }];
      const common = { repository: name, tag, at: pushedAt, day: dayNumber(pushedAt), actor };
      return { action: 'push', ...common, digest, mediaType: null, layers, children: [] };
    });
    await store.registryEvents.write(service, pushes, today);
    await writePulls(store, name, pulls, [actors.get('robot-mirror') ?? '', actors.get('ci:acme/web') ?? ''], today);
  }
}

/** None on two days two weeks ago, when the registry's events didn't arrive. */
async function writePulls(
  store: Store,
  repository: string,
  pulls: number,
  actors: string[],
  today: number,
): Promise<void> {
  if (pulls === 0) return;
  for (let ago = 29; ago >= 0; ago--) {
    if (ago === 14 || ago === 15) continue;
    const at = today - ago * day - hour;
    const count = Math.max(1, Math.round((pulls * (10 + ((ago * 7) % 11))) / 20));
    const actor = actors[ago % actors.length] ?? 'unknown';
    await store.registryEvents.addPulls(
      [{ service, repository, day: dayNumber(at), actor, count, at }],
      today - ago * day,
    );
  }
}
