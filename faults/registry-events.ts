/** The fault: `kill -9` while a registry reports, with nobody who sends the events again, and a sync afterwards. */
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStore } from '../src/store/open.ts';
import { withServer } from '../test/support/listening.ts';
import { integrityOf } from './kill.ts';
import { type Fault, killDuring, openScene } from './scene.ts';

const service = 'registry.example.com';
const token = 'an-events-token-of-the-faults-for-nobody';
const repositories = 20;
const mediaType = 'application/vnd.oci.image.manifest.v1+json';

/** Milliseconds after its acknowledgement in which a pull is stored; a machine that is busy with other tests is slower. */
const promised = { full: 2_000, quick: 4_000 };

/** Milliseconds between two events of one that reports; without any, both processors do nothing else for ten seconds. */
const pause = { full: 0, quick: 20 };

/** What was acknowledged, the pulls by the time of that, and what had no answer when the process died. */
type Told = { pushes: number; pulls: number[]; inFlight: number; readonly tags: Map<string, string> };

export const registryEvents: Fault = {
  name: 'registry-events',
  what: 'kill -9 while a registry reports, and a sync afterwards',
  async run(scale, stack) {
    const rounds = scale === 'full' ? 25 : 2;
    const scene = await openScene(stack);
    const told: Told = { pushes: 0, pulls: [], inFlight: 0, tags: new Map() };
    const settings = { SERVICE_REGISTRY_EXAMPLE_COM_EVENTS_TOKEN: token };
    let acknowledged = 0;
    let atRisk = 0;
    for (let round = 0; round < rounds; round++) {
      const server = await scene.serve(settings);
      const died = await killDuring(server, promised[scale] + 500 + Math.random() * 1_500, (killed) =>
        Promise.all([0, 1, 2].map((worker) => report(scene.url, told, worker, pause[scale], killed))),
      );
      acknowledged += told.pulls.length;
      atRisk += told.pulls.filter((at) => died - at < promised[scale]).length;
      told.pulls = [];
    }
    const database = join(scene.installation.folder, 'data', 'dockpass.db');
    const counted = await countsOf(database);
    const missing = acknowledged - counted.pulls;
    assert.ok(counted.pushes >= told.pushes, `${told.pushes} pushes were acknowledged, ${counted.pushes} are counted`);
    assert.ok(counted.pushes <= told.pushes + told.inFlight, 'nothing is counted that was not sent');
    assert.ok(
      missing >= -told.inFlight && missing <= atRisk,
      `${missing} pulls are missing, and ${atRisk} were acknowledged just before`,
    );
    const lost = await missingTags(database, told.tags);
    assert.deepEqual(lost, [], 'the push of each of these was acknowledged');
    assert.equal(
      await syncedTags(scene.installation, database, told.tags),
      told.tags.size,
      'after a sync no tag is missing',
    );
    assert.equal(integrityOf(database), 'ok');
    return `${rounds} rounds: ${told.pushes} pushes and ${acknowledged} pulls were acknowledged; no push is missing, ${Math.max(0, missing)} pulls of the last seconds are, and after a sync no tag`;
  },
};

/** Pushes and pulls, one event a request, as a registry sends them, until the connection breaks. */
async function report(url: string, told: Told, worker: number, pause: number, killed: AbortSignal): Promise<void> {
  for (let count = 0; !killed.aborted; count++) {
    const repository = `team/app-${(count + worker) % repositories}`;
    const isPush = count % 4 === 0;
    const tag = isPush ? `t${randomUUID().slice(0, 8)}` : 'latest';
    told.inFlight += 1;
    const status = await send(url, repository, tag, isPush).catch(() => 0);
    if (status === 0 && !killed.aborted) throw new Error('the service is gone, and nobody killed it');
    if (status === 0) return;
    assert.equal(status, 200);
    told.inFlight -= 1;
    if (!isPush) told.pulls.push(performance.now());
    else {
      told.pushes += 1;
      told.tags.set(`${repository}:${tag}`, digestOf(tag));
    }
    await sleep(pause);
  }
}

async function send(url: string, repository: string, tag: string, isPush: boolean): Promise<number> {
  const event = {
    ...{ id: randomUUID(), timestamp: new Date().toISOString(), action: isPush ? 'push' : 'pull' },
    target: { mediaType, digest: digestOf(tag), size: 1, repository, tag },
    ...{ request: { method: isPush ? 'PUT' : 'GET' }, actor: { name: 'ci:github:acme/app' } },
  };
  const answer = await fetch(`${url}/registry-events/${service}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify({ events: [event] }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

function digestOf(tag: string): string {
  return `sha256:${createHash('sha256').update(tag).digest('hex')}`;
}

async function countsOf(database: string): Promise<{ pushes: number; pulls: number }> {
  const store = await openStore(`sqlite:${database}`, assert.ifError);
  const days = await store.repositoryActivity.ofService(service, 0);
  await store.close();
  const sum = (action: string) =>
    days.filter((day) => day.action === action).reduce((all, { count }) => all + count, 0);
  return { pushes: sum('push'), pulls: sum('pull') };
}

async function missingTags(database: string, tags: ReadonlyMap<string, string>): Promise<string[]> {
  const store = await openStore(`sqlite:${database}`, assert.ifError);
  const missing: string[] = [];
  for (const [reference, digest] of tags) {
    const [repository = '', tag = ''] = reference.split(':');
    const row = await store.repositoryTags.byName(service, repository, tag);
    if (row?.digest !== digest) missing.push(reference);
  }
  await store.close();
  return missing;
}

/** Forgets half of the tags, as if their events had got lost, and reads the registry. @returns how many are known then */
async function syncedTags(
  installation: {
    run(
      words: readonly string[],
      environment?: Record<string, string>,
    ): Promise<{ code: number | null; output: string }>;
  },
  database: string,
  tags: ReadonlyMap<string, string>,
): Promise<number> {
  const store = await openStore(`sqlite:${database}`, assert.ifError);
  const names = [...new Set([...tags.keys()].map((reference) => reference.split(':')[0] ?? ''))];
  for (const name of names.slice(0, names.length / 2)) {
    await store.repositorySyncs.removeRepository(service, name, Date.now() + 3_600_000);
  }
  await withServer(
    (request, response) => {
      const url = new URL(request.url ?? '', 'http://registry');
      const [, repository = '', , reference = ''] = /^\/v2\/(.+?)\/(tags|manifests)\/(.+)$/.exec(url.pathname) ?? [];
      const ofRepository = [...tags].filter(([name]) => name.startsWith(`${repository}:`));
      if (url.pathname === '/v2/_catalog') response.end(JSON.stringify({ repositories: names }));
      else if (reference === 'list') {
        response.end(JSON.stringify({ name: repository, tags: ofRepository.map(([name]) => name.split(':')[1]) }));
      } else {
        const digest = tags.get(`${repository}:${reference}`) ?? reference;
        response.setHeader('Docker-Content-Digest', digest).setHeader('Content-Type', mediaType);
        response.end(request.method === 'HEAD' ? undefined : '{"schemaVersion":2}');
      }
    },
    async (registry) => {
      const settings = { SERVICE_REGISTRY_EXAMPLE_COM_URL: registry };
      const { code, output } = await installation.run(['repository', 'sync', service], settings);
      assert.equal(code, 0, output);
    },
  );
  const missing = await missingTags(database, tags);
  await store.close();
  return tags.size - missing.length;
}
