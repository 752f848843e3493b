/** Reading a registry's catalog and tags: what is added, and that nothing is removed which could still be there. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { AuditEvent } from '../../src/audit/audit.ts';
import { Refusal } from '../../src/lib/errors.ts';
import type { Registry } from '../../src/repositories/registry.ts';
import { type SyncParts, syncRepositories } from '../../src/repositories/sync.ts';
import { openStore } from '../../src/store/open.ts';
import type { Push } from '../../src/store/registry-changes.ts';
import type { Store } from '../../src/store/store.ts';
import { collectingAudit } from '../support/audit.ts';
import { describeEngines } from '../support/engines.ts';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { missing } from '../support/parts.ts';
import { freePorts } from '../support/ports.ts';
import type { Running } from '../support/process.ts';
import { pushImage, pushIndex } from '../support/push.ts';
import { startRegistry } from '../support/registry.ts';
import { basic } from '../support/token-service.ts';

const service = 'registry.example.com';
const digestOf = (tag: string) => `sha256:${Buffer.from(tag).toString('hex').padEnd(64, '0')}`;
const unreadable = new Refusal('bad_gateway', 'The registry answers 503.');

/** A registry of these tags by repository; `null`: it can't be read. */
function registryOf(content: Record<string, readonly string[] | null>, changes: Partial<Registry> = {}): Registry {
  const tagsOf = (name: string): readonly string[] => {
    const tags = content[name];
    if (tags === null) throw unreadable;
    return tags ?? [];
  };
  return {
    catalog: async () => ({ names: Object.keys(content), next: null }),
    tags: async (name) => [...tagsOf(name)],
    resolve: async (name, tag) =>
      tagsOf(name).includes(tag) ? { digest: digestOf(tag), mediaType: 'x.manifest', at: 150 } : null,
    manifest: async () => null,
    deleteManifest: async () => ({ outcome: 'disabled', at: 0 }),
    deleteTag: async () => ({ outcome: 'disabled', at: 0 }),
    ...changes,
  };
}

describeEngines('a sync', (databases) => {
  const withStore = async (
    action: (
      store: Store,
      sync: (registry: Registry, changes?: Partial<SyncParts>) => ReturnType<typeof syncRepositories>,
      events: AuditEvent[],
    ) => Promise<void>,
  ) => {
    const store = await openStore(await databases.create(), () => {});
    const events: AuditEvent[] = [];
    let clock = 100;
    const parts = { store, service, audit: collectingAudit(events), by: { actor: 'ana', client: null } };
    try {
      await action(
        store,
        (registry, changes) => syncRepositories({ ...parts, registry, now: () => clock++, ...changes }),
        events,
      );
    } finally {
      await store.close();
    }
  };
  const push = (store: Store, repository: string, tag: string, heardAt = 50) => {
    const event: Push = {
      action: 'push',
      repository,
      tag,
      digest: digestOf(tag),
      at: heardAt - 1,
      day: 0,
      actor: 'x',
      mediaType: null,
      layers: null,
      children: [],
    };
    return store.registryEvents.write(service, [event], heardAt);
  };
  const tagsOf = async (store: Store, repository: string) =>
    (await store.repositoryTags.after(service, repository, '', 100)).map(({ tag }) => tag);
  const namesOf = async (store: Store) =>
    (await store.repositories.after(service, '', 100, true)).map(({ name }) => name);

  test('adds what is there, removes what is gone, keeps who pushed what and all history', () =>
    withStore(async (store, sync, events) => {
      for (const [name, tag] of [
        ['a', '1'],
        ['a', 'old'],
        ['gone', '1'],
      ] as const)
        await push(store, name, tag);
      const report = await sync(registryOf({ b: ['x'], a: ['1', '2'], empty: [] }));
      assert.partialDeepStrictEqual(report, {
        total: 3,
        repositories: 3,
        tags: 3,
        removed: 2,
        unknown: 0,
        isComplete: true,
      });
      assert.deepEqual(await tagsOf(store, 'a'), ['1', '2']);
      assert.deepEqual(await namesOf(store), ['a', 'b']);
      assert.equal((await store.repositoryTags.byName(service, 'a', '1'))?.pushed_at, 49);
      assert.equal((await store.repositoryTags.byName(service, 'a', '2'))?.pushed_at, null);
      assert.deepEqual(await store.repositoryActivity.ofService(service, 0), [{ day: 0, action: 'push', count: 3 }]);
      assert.deepEqual(
        events.map(({ action, subject }) => `${action} ${subject}`),
        [`repository.sync ${service}`, `repository.sync ${service}`],
      );
      assert.notEqual((await store.repositorySyncs.ofService(service))?.completed_at, null);
    }));

  test('never removes what was pushed since it began', () =>
    withStore(async (store, sync) => {
      await push(store, 'a', '1');
      const catalog = async () => {
        await push(store, 'a', 'new', 5_000);
        await push(store, 'late', '1', 5_000);
        return { names: ['a'], next: null };
      };
      await sync(registryOf({ a: ['1'] }, { catalog }));
      assert.deepEqual(await tagsOf(store, 'a'), ['1', 'new']);
      assert.deepEqual(await namesOf(store), ['a', 'late']);
    }));

  test('a tag that it removed and that is pushed again is there, also if the registry’s clock is behind', () =>
    withStore(async (store, sync) => {
      await push(store, 'a', '1');
      await push(store, 'a', 'old', 50);
      await sync(registryOf({ a: ['1'] }));
      await push(store, 'a', 'old', 50);
      assert.deepEqual(await tagsOf(store, 'a'), ['1'], 'the event of its first push came twice');
      await push(store, 'a', 'old', 60);
      assert.deepEqual(await tagsOf(store, 'a'), ['1', 'old']);
    }));

  test('removes nothing of what it could not read, and no repository after an error', () =>
    withStore(async (store, sync) => {
      for (const name of ['a', 'b', 'gone']) await push(store, name, '1');
      const report = await sync(registryOf({ a: null, b: [] }));
      assert.partialDeepStrictEqual(report, { unknown: 1, isComplete: false, problem: unreadable.message });
      assert.deepEqual(await tagsOf(store, 'a'), ['1']);
      assert.deepEqual(await tagsOf(store, 'b'), []);
      assert.deepEqual(await namesOf(store), ['a', 'b', 'gone']);
      const half = registryOf({ a: ['1'] }, { resolve: async () => Promise.reject(unreadable) });
      await push(store, 'a', 'old');
      assert.equal((await sync(half)).unknown, 1);
      assert.deepEqual(await tagsOf(store, 'a'), ['1', 'old']);
    }));

  test('a repository that is missing from the catalog and still has tags stays', () =>
    withStore(async (store, sync) => {
      await push(store, 'hidden', '1');
      await sync(registryOf({ hidden: ['1'] }, { catalog: async () => ({ names: [], next: null }) }));
      assert.deepEqual(await tagsOf(store, 'hidden'), ['1']);
    }));

  test('continues where it was interrupted, with the beginning that it had', () =>
    withStore(async (store, sync) => {
      await push(store, 'c', 'old');
      const names = ['a', 'b', 'c'];
      const read: string[] = [];
      const content = Object.fromEntries(names.map((name) => [name, ['1']]));
      const stopping = new AbortController();
      const noting = (stopAt: string) =>
        registryOf(content, {
          async tags(name) {
            read.push(name);
            if (name === stopAt) stopping.abort();
            return content[name] ?? [];
          },
        });
      await assert.rejects(sync(noting('b'), { signal: stopping.signal }));
      await push(store, 'c', 'since', 5_000);
      const report = await sync(noting(''));
      assert.partialDeepStrictEqual(report, { isResumed: true, isComplete: true, repositories: 3 });
      assert.deepEqual(read, ['a', 'b', 'c']);
      assert.deepEqual(await tagsOf(store, 'c'), ['1', 'since']);
      assert.equal((await sync(noting(''))).isResumed, false);
    }));

  test('ends soon after it is asked to, also while it reads the catalog or looks for what is gone', () =>
    withStore(async (store, sync) => {
      for (const name of ['gone1', 'gone2', 'gone3']) await push(store, name, '1');
      for (const part of ['catalog', 'tags'] as const) {
        const stopping = new AbortController();
        let asked = 0;
        const count = () => {
          asked += 1;
          if (asked === 2) stopping.abort();
        };
        const registry = registryOf(
          {},
          {
            async catalog() {
              if (part === 'catalog') count();
              return { names: [`a${asked}`], next: part === 'catalog' && asked < 9 ? 'next' : null };
            },
            async tags() {
              if (part === 'tags') count();
              return [];
            },
          },
        );
        await assert.rejects(sync(registry, { signal: stopping.signal }), { name: 'AbortError' });
        assert.equal(asked, 2, part);
      }
    }));

  test('keeps its lease while it asks about many repositories that are gone', () =>
    withStore(async (store, sync) => {
      const clock = { at: 100 };
      const gone = Array.from({ length: 10 }, (_, at) => `gone${at}`);
      for (const name of gone) await push(store, name, '1');
      const ask = async () => {
        await assert.rejects(sync(registryOf({}), { now: () => clock.at }), { code: 'conflict' });
        clock.at += 60_000;
        return [];
      };
      assert.equal((await sync(registryOf({}, { tags: ask }), { now: () => clock.at })).removed, 10);
    }));

  test('says why it failed, also where that cannot be stored', () =>
    withStore(async (store, sync, events) => {
      const failing = { ...store.repositorySyncs, note: () => Promise.reject(new Error('no database')) };
      const leases = { ...store.leases, release: () => Promise.reject(new Error('no database')) };
      const broken = { store: { ...store, leases, repositorySyncs: failing } };
      await assert.rejects(
        sync(registryOf({}, { catalog: async () => Promise.reject(unreadable) }), broken),
        unreadable,
      );
      assert.partialDeepStrictEqual(events.at(-1)?.detail, { ends: true, problem: unreadable.message });
    }));

  test('one at a time; one that finds nothing readable stops, and the next continues', () =>
    withStore(async (store, sync) => {
      const content = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`r${at}`, null]));
      await assert.rejects(sync(registryOf(content)), unreadable);
      const catalog = async () => {
        await assert.rejects(sync(registryOf({})), { code: 'conflict' });
        return { names: [], next: null };
      };
      await sync(registryOf({}, { catalog }));
      await assert.rejects(sync(registryOf({}, { catalog: async () => Promise.reject(unreadable) })), unreadable);
      assert.equal((await store.repositorySyncs.ofService(service))?.problem, unreadable.message);
    }));
});

describe('dockpass repository', { skip: missing('docker-registry') }, () => {
  let installation: Installation;
  let server: Server;
  let registry: Running;
  let folder: string;
  let host: string;
  let prefix: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dockpass-sync-'));
    installation = createInstallation();
    const [port = 0, registryPort = 0] = await freePorts(2);
    host = `localhost:${registryPort}`;
    prefix = `SERVICE_${host.toUpperCase().replace(/\W/, '_')}_`;
    const publicUrl = `http://localhost:${port}`;
    Object.assign(installation.environment, { PORT: String(port), PUBLIC_URL: publicUrl, SERVICES: host });
    server = await installation.serve();
    registry = await startRegistry({
      ...{ folder: join(folder, 'registry'), port: registryPort, realm: `${publicUrl}/auth`, service: host },
      issuer: new URL(publicUrl).host,
      certificateBundleFile: join(installation.folder, 'data', 'registry-bundle.pem'),
    });
    await installation.addPerson('ana@example.com');
    const made = await installation.command(['password', 'create', 'ana@example.com', '--name', 'test', '--json']);
    const scope = 'scope=repository:team/app:pull,push&scope=repository:team/multi:pull,push';
    const url = `${server.url}/auth?service=${encodeURIComponent(host)}&${scope}`;
    const answer = await fetch(url, {
      headers: { Authorization: basic('ana@example.com', JSON.parse(made.stdout).secret) },
    });
    const headers = { Authorization: `Bearer ${((await answer.json()) as { token: string }).token}` };
    await pushImage(`http://${host}/v2/team/app`, headers, '1', ['a layer of 21 bytes..']);
    const target = `http://${host}/v2/team/multi`;
    await pushIndex(target, headers, 'latest', [await pushImage(target, headers, null, ['12345'])]);
  });
  after(async () => {
    await registry.stop();
    await server.stop();
    installation.remove();
    await rm(folder, { recursive: true });
  });

  test('reads what was pushed before any event, sizes included, and lists it', async () => {
    const without = await installation.command(['repository', 'sync']);
    assert.equal(without.code, 1);
    assert.match(without.output, new RegExp(`set ${prefix}URL`));
    const settings = { [`${prefix}URL`]: `http://${host}` };
    const synced = await installation.command(['repository', 'sync', host, '--json'], settings);
    assert.equal(synced.code, 0, synced.output);
    assert.partialDeepStrictEqual(JSON.parse(synced.stdout), [
      { repositories: 2, tags: 2, isComplete: true, problem: null },
    ]);
    const listed = await installation.command(['repository', 'list', '--json']);
    const config = Buffer.byteLength('{"architecture":"amd64","os":"linux"}');
    assert.partialDeepStrictEqual(JSON.parse(listed.stdout), [
      { service: host, name: 'team/app', tags: 1, size: config + 21, pushedAt: null, pushedBy: null },
      { service: host, name: 'team/multi', tags: 1, size: config + 5 },
    ]);
    const lines = await installation.command(['repository', 'list']);
    assert.match(lines.stdout, /team\/app {2}1 {2}58 B/);
    const unknown = await installation.command(['repository', 'sync', 'other']);
    assert.match(unknown.output, /There is no service "other"/);
  });

  test('the API lists it, as a page and as files', async () => {
    const words = ['api-token', 'create', '--name', 'lists', '--days', '1', '--scopes', 'repositories:read', '--json'];
    const made = await installation.command(words);
    const headers = { Authorization: `Bearer ${JSON.parse(made.stdout).secret}` };
    assert.equal(made.code, 0, made.output);
    const get = async (path: string) => (await fetch(`${server.url}/api/v1/${path}`, { headers })).text();
    const page = JSON.parse(await get('repositories?order=size&search=team&never_pulled=true'));
    assert.equal(page.count, 2);
    assert.deepEqual(
      page.repositories.map(({ name }: { name: string }) => name),
      ['team/app', 'team/multi'],
    );
    assert.match(await get('repositories.csv'), /^service,name,tags,size,.*\r\nlocalhost:\d+,team\/app,1,58,/);
    assert.equal((await get('repositories.jsonl')).trim().split('\n').length, 2);
    assert.match(await get('repositories?order=x'), /must be one of name, size/);
    assert.equal((await fetch(`${server.url}/api/v1/audit`, { headers })).status, 403);
  });
});
