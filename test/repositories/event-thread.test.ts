/** The thread that stores what registries report: the same answers as without one, and what it can't do never ends the process. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { createEventThread, type EventThread } from '../../src/repositories/event-thread.ts';
import { openStore } from '../../src/store/open.ts';
import { describeEngines } from '../support/engines.ts';

const service = 'registry.example.com';
const imageType = 'application/vnd.oci.image.manifest.v1+json';

let count = 0;
function eventOf(action: string, target: object = {}, name = 'ana') {
  return {
    id: String(++count),
    timestamp: new Date().toISOString(),
    action,
    target: {
      mediaType: imageType,
      digest: `sha256:${'1'.repeat(64)}`,
      repository: 'team/app',
      tag: 'latest',
      ...target,
    },
    request: { method: action === 'push' ? 'PUT' : 'GET' },
    actor: { name },
  };
}

/** In two pieces, as a body comes; the second is a part of a larger buffer, as Node hands out small ones. */
function bodyOf(...events: object[]): Uint8Array[] {
  const bytes = Buffer.from(JSON.stringify({ events }));
  const half = bytes.length >> 1;
  return [new Uint8Array(bytes.subarray(0, half)), bytes.subarray(half)];
}

type Noted = {
  readonly thread: EventThread;
  readonly counted: string[];
  readonly logged: string[];
  users: Map<string, unknown>;
};

async function withThread(databaseUrl: string, action: (noted: Noted) => Promise<void>): Promise<void> {
  const noted = { counted: [] as string[], logged: [] as string[], users: new Map<string, unknown>() };
  const parts = {
    ...{ databaseUrl, staticUsers: () => noted.users },
    onEvents: (_service: string, event: string, outcome: string, times: number) =>
      void noted.counted.push(`${times} ${event} ${outcome}`),
    onError: ({ error }: { error: unknown }) => assert.ifError(error),
    log: { error: (_fields: object, message: string) => void noted.logged.push(message) },
  };
  const thread = createEventThread(parts);
  try {
    await action(Object.assign(noted, { thread }));
  } finally {
    await thread.close();
  }
}

async function pullersIn(databaseUrl: string): Promise<string[]> {
  const store = await openStore(databaseUrl, () => {});
  try {
    const rows = await store.repositoryActivity.actorsOf(service, 'team/app', 0, 10);
    return rows.map((row) => `${row.actor_kind} ${row.actor_login} ${row.action} ${row.count}`).sort();
  } finally {
    await store.close();
  }
}

describeEngines('the thread that stores events', (databases) => {
  test('a push is stored before the answer, pulls at the latest when it ends', async () => {
    const url = await databases.create();
    await withThread(url, async ({ thread, counted, users }) => {
      users.set('ana', {});
      assert.equal(await thread.take(service, bodyOf(eventOf('push'), eventOf('pull'), eventOf('pull'))), 'stored');
      assert.deepEqual(await pullersIn(url), ['static ana push 1']);
      assert.deepEqual(counted, ['1 push stored', '2 pull stored']);
    });
    assert.deepEqual(await pullersIn(url), ['static ana pull 2', 'static ana push 1']);
  });

  test('users of a policy that changed are known with the next event', async () => {
    const url = await databases.create();
    await withThread(url, async (noted) => {
      await noted.thread.take(service, bodyOf(eventOf('push', {}, 'bo')));
      noted.users = new Map([['bo', {}]]);
      await noted.thread.take(service, bodyOf(eventOf('push', { tag: 'v2' }, 'bo')));
    });
    assert.deepEqual(await pullersIn(url), ['static bo push 1', 'unknown null push 1']);
  });

  test('what can never be stored is told apart from what is stored', () =>
    databases.create().then((url) =>
      withThread(url, async ({ thread, counted }) => {
        assert.equal(await thread.take(service, [Buffer.from('no JSON')]), 'unreadable');
        assert.equal(await thread.take(service, bodyOf(eventOf('push', { tag: '../x' }), eventOf('push'))), 'partly');
        assert.deepEqual(counted, ['1 push invalid', '1 push stored']);
      }),
    ));

  test('a thread that ends is started again, and what it had in hand is to be sent again', async () => {
    const url = await databases.create();
    await withThread(url, async ({ thread, logged }) => {
      const events = [eventOf('push')];
      const first = thread.take(service, bodyOf(...events));
      const [worker] = await once(process, 'worker');
      await Promise.all([worker.terminate(), assert.rejects(first, { code: 'unavailable', retryAfter: 1 })]);
      assert.deepEqual(logged, ['the thread that stores events ended; the next event starts another']);
      assert.equal(await thread.take(service, bodyOf(...events)), 'stored');
    });
  });

  test('no more waits than fits into memory', async () => {
    const url = await databases.create();
    await withThread(url, async ({ thread, counted }) => {
      const large = () => [new Uint8Array(1 << 20)];
      const taken = await Promise.allSettled(Array.from({ length: 20 }, () => thread.take(service, large())));
      const outcomes = taken.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.code));
      assert.deepEqual(outcomes.slice(15), ['unreadable', ...new Array(4).fill('unavailable')]);
      assert.deepEqual(counted, new Array(4).fill('1 other unavailable'));
      assert.equal(await thread.take(service, bodyOf(eventOf('push'))), 'stored');
    });
  });

  test('a database that cannot be opened is an error of the request, and tried again with the next', async () => {
    const url = await databases.create();
    const broken = url.startsWith('sqlite:') ? 'sqlite:/dev/null/x.db' : url.replace(/[^/]+$/, 'no_such_database');
    await withThread(broken, async ({ thread }) => {
      for (const _ of [1, 2])
        await assert.rejects(thread.take(service, bodyOf(eventOf('push'))), /cannot be (used|opened)/);
    });
  });
});

test('a database that is locked is told as unavailable, and takes the same events once it is free', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-event-thread-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'locked.db');
  await withThread(`sqlite:${file}`, async ({ thread, counted }) => {
    await thread.take(service, bodyOf(eventOf('push')));
    const other = new Database(file);
    other.exec('begin immediate');
    const events = [eventOf('push', { tag: 'v2' })];
    await assert.rejects(thread.take(service, bodyOf(...events)), { code: 'unavailable' });
    other.exec('rollback');
    other.close();
    assert.equal(await thread.take(service, bodyOf(...events)), 'stored');
    assert.deepEqual(counted, ['1 push stored', '1 push unavailable', '1 push stored']);
  });
});
