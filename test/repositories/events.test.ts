/** What is read from the notifications of a registry, and what becomes of the events: stored, dropped, or sent again. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { createEventEndpoint, eventsPath } from '../../src/repositories/event-endpoint.ts';
import { readEvents } from '../../src/repositories/events.ts';
import { createIntake } from '../../src/repositories/intake.ts';
import { createEventRecorder } from '../../src/repositories/recorder.ts';
import { openStore } from '../../src/store/open.ts';
import { databaseUnavailable } from '../../src/store/sql.ts';
import type { Store } from '../../src/store/store.ts';
import { describeEngines } from '../support/engines.ts';
import { withServer } from '../support/listening.ts';
import { signedIn } from '../support/rows.ts';

const now = Date.parse('2026-11-30T12:00:00Z');
const day = Math.floor(now / 86_400_000);
const service = 'my registry:5000';
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const imageType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';

type Target = Readonly<Record<string, unknown>>;

/** As docker-registry 2.8.2 sends it; `target` and what else is given are put over it. */
function event(action: string, target: Target = {}, changes: Target = {}) {
  return {
    id: `${Math.random()}`,
    timestamp: '2026-11-30T11:59:59.123456789Z',
    action,
    target: { mediaType: imageType, digest: digest('1'), size: 393, repository: 'team/app', tag: 'latest', ...target },
    request: {
      id: 'r',
      addr: '10.0.0.7:38848',
      host: 'r:5000',
      method: action === 'push' ? 'PUT' : 'GET',
      useragent: 'x',
    },
    actor: { name: 'ana' },
    source: { addr: 'vm:20603', instanceID: 'i' },
    somethingNew: true,
    ...changes,
  };
}

const bodyOf = (...events: object[]) => JSON.stringify({ events });
const readOne = (one: object) => readEvents(bodyOf(one), now)?.[0]?.read;

test('a push names its layers, and an index what it holds', () => {
  const references = [
    { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digest('c'), size: 37 },
    { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digest('a'), size: 17 },
    { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digest('a'), size: 17 },
  ];
  const push = readOne(event('push', { references }));
  assert.partialDeepStrictEqual(push, { repository: 'team/app', tag: 'latest', login: 'ana', at: now - 877, day });
  assert.deepEqual(
    typeof push === 'object' && push.action === 'push' && push.layers?.map(({ size }) => size),
    [37, 17],
  );
  const index = readOne(
    event('push', { mediaType: indexType, references: [{ mediaType: imageType, digest: digest('2') }] }),
  );
  assert.partialDeepStrictEqual(index, { layers: null, children: [digest('2')] });
});

test('layers, HEAD, mounts and what Dockpass reads are ignored; what can never be stored is told apart', () => {
  const ignored = [
    event('push', { mediaType: 'application/octet-stream' }),
    event('pull', {}, { request: { method: 'HEAD' } }),
    event('mount'),
    event('pull', {}, { actor: { name: 'dockpass' } }),
  ];
  for (const one of ignored) assert.equal(readOne(one), 'ignored');
  const invalid = [
    event('push', { repository: 'Team/App' }),
    event('push', { repository: 'a'.repeat(256) }),
    event('push', { tag: '../x' }),
    event('push', { digest: 'sha256:1' }),
    event('push', { digest: `${'a'.repeat(500_000)}:${'1'.repeat(64)}` }),
    event('push', { digest: undefined }),
    event('delete', { digest: undefined, tag: undefined }),
  ];
  for (const one of invalid) assert.equal(readOne(one), 'invalid');
  for (const body of ['', '{', '[]', '{"events":{}}', 'null']) assert.equal(readEvents(body, now), null);
});

test('what 3.x says of a tag that is deleted by itself is told from a manifest and from a layer', () => {
  const target = { mediaType: undefined, digest: undefined, size: undefined };
  assert.partialDeepStrictEqual(readOne(event('delete', target)), { action: 'delete', tag: 'latest', digest: null });
  const manifest = readOne(event('delete', { ...target, tag: undefined, digest: digest('1') }));
  assert.partialDeepStrictEqual(manifest, { action: 'delete', tag: null, digest: digest('1') });
});

test('a deletion by Dockpass counts: the registry can answer it too late', () => {
  const own = event('delete', { tag: undefined }, { actor: { name: 'dockpass' } });
  assert.partialDeepStrictEqual(readOne(own), { action: 'delete', digest: digest('1') });
});

test('no event of a request is dropped without being counted', () => {
  const small = { action: 'pull', target: { mediaType: 'x.manifest', repository: 'a', tag: 'b' } };
  const read = readEvents(bodyOf(...new Array<object>(13_000).fill(small)), now) ?? [];
  assert.equal(read.length, 13_000);
  assert.equal(read.filter((one) => one.read === 'invalid').length, 3_000);
});

test('a registry whose clock is ahead owns no tag for longer than five minutes', () => {
  const ahead = readOne(event('push', {}, { timestamp: '2036-01-01T00:00:00Z' }));
  assert.partialDeepStrictEqual(ahead, { at: now + 300_000 });
  for (const timestamp of ['yesterday', '1970-01-01T00:00:00Z', '-000001-01-01T00:00:00Z', 7]) {
    assert.partialDeepStrictEqual(readOne(event('push', {}, { timestamp })), { at: now });
  }
});

test('a media type that PostgreSQL could not store is left out, and the push is not', () => {
  const push = readOne(event('push', { mediaType: 'x.manifest\0' }));
  assert.partialDeepStrictEqual(push, { action: 'push', mediaType: null, digest: digest('1') });
});

test('a name that nobody has is not kept: it would say who a deleted account was', () => {
  const read = readOne(event('pull', {}, { actor: {} }));
  assert.partialDeepStrictEqual(read, { login: '' });
});

describeEngines('events of a registry', (databases) => {
  const withRecorder = async (
    action: (parts: {
      store: Store;
      recorder: ReturnType<typeof createEventRecorder>;
      outcomes: string[];
    }) => Promise<void>,
  ) => {
    const store = await openStore(await databases.create(), () => {});
    const outcomes: string[] = [];
    const recorder = createEventRecorder({
      ...{ store: store.registryEvents, now: () => now, onError: ({ error }) => assert.ifError(error) },
      isStaticUser: (login) => login === 'ana',
      onEvent: (_service, action, outcome) => void outcomes.push(`${action} ${outcome}`),
    });
    try {
      await action({ store, recorder, outcomes });
    } finally {
      await recorder.close();
      await store.close();
    }
  };
  const read = (...events: object[]) => readEvents(bodyOf(...events), now) ?? [];

  test('pushes are in the store before the answer; pulls are counted once, and parts of an index not by themselves', () =>
    withRecorder(async ({ store, recorder, outcomes }) => {
      const index = event('push', { mediaType: indexType, digest: digest('9'), references: [{ digest: digest('1') }] });
      const push = event('push', { tag: undefined });
      await recorder.record(service, read(push, index, push));
      assert.equal((await store.repositoryTags.byName(service, 'team/app', 'latest'))?.digest, digest('9'));
      const pull = event('pull', { mediaType: indexType, digest: digest('9') });
      const part = event('pull', { tag: undefined });
      const other = event('pull', { tag: undefined, digest: digest('5') });
      await recorder.record(service, read(pull, pull, part, other, event('pull', {}, { actor: {} })));
      await recorder.record(service, read(pull));
      await recorder.flush();
      assert.deepEqual(await store.repositoryActivity.ofRepository(service, 'team/app', 0), [
        { day, action: 'pull', count: 3 },
        { day, action: 'push', count: 2 },
      ]);
      const actors = await store.repositoryActivity.actorsOf(service, 'team/app', 0, 10);
      assert.deepEqual(actors.map((row) => `${row.actor_kind} ${row.actor_login} ${row.action} ${row.count}`).sort(), [
        'anonymous null pull 1',
        'static ana pull 2',
        'static ana push 2',
      ]);
      assert.equal(outcomes.filter((outcome) => outcome.endsWith('duplicate')).length, 3);
    }));

  test('sizes that no layer has keep no other size from being stored', () =>
    withRecorder(async ({ store, recorder, outcomes }) => {
      for (const letter of ['1', '2', '3']) {
        const references = Array.from({ length: 500 }, (_, layer) => ({
          ...{ mediaType: 'application/vnd.oci.image.layer.v1.tar', size: Number.MAX_SAFE_INTEGER },
          digest: `sha256:${`${letter}${String(layer).padStart(3, '0')}`.padEnd(64, '0')}`,
        }));
        await recorder.record(service, read(event('push', { digest: digest(letter), references })));
      }
      assert.deepEqual(outcomes, ['push stored', 'push stored', 'push stored']);
      const { size } = (await store.repositories.byName(service, 'team/app')) ?? {};
      assert.equal(size, 1_500 * 2 ** 39);
    }));

  test('a request that could not be stored to its end is taken up where it was left', () =>
    withRecorder(async ({ store }) => {
      const outcomes: string[] = [];
      let transactions = 0;
      const failing = createEventRecorder({
        store: {
          ...store.registryEvents,
          async write(...change) {
            transactions += 1;
            if (transactions === 3) throw databaseUnavailable(new Error('away'));
            return store.registryEvents.write(...change);
          },
        },
        ...{ isStaticUser: () => false, onError() {}, now: () => now },
        onEvent: (_service, action, outcome) => void outcomes.push(`${action} ${outcome}`),
      });
      const many = read(
        ...Array.from({ length: 200 }, (_, at) => event('push', { tag: `t${at}`, digest: digest('1') })),
      );
      await assert.rejects(failing.record(service, many), { code: 'unavailable' });
      const before = outcomes.filter((outcome) => outcome === 'push stored').length;
      assert.ok(before > 0 && before < 200, String(before));
      await failing.record(service, many);
      assert.equal(outcomes.filter((outcome) => outcome === 'push stored').length, 200);
      assert.equal((await store.repositories.byName(service, 'team/app'))?.tags, 200);
      assert.deepEqual(await store.repositoryActivity.ofRepository(service, 'team/app', 0), [
        { day, action: 'push', count: 200 },
      ]);
      await failing.close();
    }));

  test('an event is stored with the account that has the name; a name that no one has is nobody', () =>
    withRecorder(async ({ store, recorder }) => {
      await store.accounts.signIn(signedIn({}));
      const by = (name: string) => event('pull', {}, { actor: { name } });
      await recorder.record(service, read(by('ana@example.com'), by('ci:github:acme/web'), by('gone@example.com')));
      await recorder.flush();
      const actors = await store.repositoryActivity.actorsOf(service, 'team/app', 0, 10);
      assert.deepEqual(actors.map(({ actor_kind: kind, actor_login: login }) => `${kind} ${login}`).sort(), [
        'person ana@example.com',
        'unknown null',
        'workload ci:github:acme/web',
      ]);
      assert.deepEqual(
        (await store.repositoryActivity.topPrograms(service, 'pull', 0, 10)).map(({ actor_login: login }) => login),
        ['ci:github:acme/web'],
      );
    }));
});

test('while the database is away nothing is acknowledged, and what was is stored when it is back', async () => {
  let isAway = true;
  const added: number[] = [];
  const use = <Result>(result: () => Result): Result => {
    if (isAway) throw databaseUnavailable(new Error('away'));
    return result();
  };
  const recorder = createEventRecorder({
    store: {
      actorsOf: async () => use(() => new Map()),
      write: async () => use(() => [true]),
      partsOfIndexes: async () => new Set(),
      described: async () => new Set(),
      pullsAtOnce: 10,
      addPulls: async (pulls) => void use(() => added.push(...pulls.map(({ count }) => count))),
      noteArrival: async () => use(() => {}),
      arrival: async () => undefined,
      arrivals: async () => [],
    },
    ...{ isStaticUser: () => false, onEvent() {}, onError() {}, now: () => now },
  });
  const read = (...events: object[]) => readEvents(bodyOf(...events), now) ?? [];
  const unavailable = { code: 'unavailable' };
  await recorder.record(service, read(event('pull')));
  await assert.rejects(recorder.record(service, read(event('push'))), unavailable);
  await recorder.flush();
  await assert.rejects(recorder.record(service, read(event('pull'))), unavailable);
  isAway = false;
  await recorder.flush();
  const pull = event('pull');
  await recorder.record(service, read(pull));
  await recorder.record(service, read(event('push')));
  await recorder.flush();
  assert.deepEqual(added, [1, 1]);
});

test('the endpoint takes what has the token, and answers so that a queue never stands still', async () => {
  const recorded: string[] = [];
  const lines: string[] = [];
  const tokens = ['a'.repeat(32), 'b'.repeat(32)];
  let clock = now;
  const endpoint = createEventEndpoint({
    services: [
      { name: service, eventsTokens: tokens },
      { name: 'silent', eventsTokens: [] },
    ],
    take: createIntake(
      {
        async record(name, events) {
          if (events.length === 2) throw databaseUnavailable(new Error('away'));
          recorded.push(`${name} ${events.length}`);
        },
      },
      () => now,
    ),
    onEvents() {},
    log: {
      warn: (_fields, message) => void lines.push(message),
      error: (_fields, message) => void lines.push(message),
    },
    now: () => clock,
  });
  await withServer(
    (request, response) => void endpoint.answer(request, response, (request.url ?? '').slice(eventsPath.length)),
    async (url) => {
      const send = async (
        body: string,
        changes: { token?: string | undefined; name?: string; method?: string } = {},
      ) => {
        const { token = tokens[1], name = service, method = 'POST' } = changes;
        const answer = await fetch(`${url}${eventsPath}${encodeURIComponent(name)}`, {
          ...{ method, redirect: 'manual' as const, ...(method === 'POST' && { body }) },
          headers: {
            Authorization: `Bearer ${token}`,
            'Content-Type': 'application/vnd.docker.distribution.events.v1+json',
          },
        });
        return answer.status;
      };
      const one = bodyOf(event('push'));
      assert.equal(await send(one), 200);
      assert.equal(await send(one, { token: tokens[0] }), 200);
      assert.deepEqual(recorded, [`${service} 1`, `${service} 1`]);
      assert.equal(await send(bodyOf(event('push'), event('push'))), 503);
      assert.equal(await send('no JSON'), 200);
      assert.equal(await send(bodyOf(...Array.from({ length: 3_000 }, () => event('push')))), 200);
      assert.equal(recorded.length, 2);
      lines.length = 0;
      for (const name of ['silent', 'other', 'another'.repeat(30), 'other'])
        assert.equal(await send(one, { name }), 404);
      assert.match(
        lines.join('\n'),
        /^a registry reports what Dockpass does not take.*\n.*a service that is not in SERVICES.*$/,
      );
      assert.match(endpoint.warnings().join('\n'), /EVENTS_TOKEN.*\(silent, 1\)\n.*SERVICES.*\(other, 3\)/);
      const stranger = await fetch(`${url}${eventsPath}elsewhere`, { method: 'POST', body: one });
      assert.equal(stranger.status, 404);
      assert.match(endpoint.warnings().join('\n'), /\(other, 3\)/);
      assert.equal(await send(one, { method: 'GET' }), 405);
      lines.length = 0;
      for (const token of ['', 'x', tokens[0]?.slice(1), `${tokens[0]} ${tokens[0]}`]) {
        assert.equal(await send(one, { token: token ?? '' }), 401);
      }
      const twice = http.request(`${url}${eventsPath}${encodeURIComponent(service)}`, {
        ...{ method: 'POST', headers: { Authorization: [`Bearer ${tokens[0]}`, 'Bearer x'] } },
      });
      const [{ statusCode }] = await once(twice.end(one), 'response');
      assert.deepEqual([statusCode, recorded.length], [400, 2], 'a proxy may have looked at the other one');
      assert.equal(lines.length, 1, 'one line a minute');
      clock += 61_000;
      await send(one, { token: 'x' });
      assert.equal(lines.length, 2);
      assert.match(endpoint.warnings().join('\n'), /wrong token[\s\S]*my registry:5000, 6/);
      clock += 2 * 3_600_000;
      assert.deepEqual(endpoint.warnings(), []);
    },
  );
});

test('a request without a body, and without a word about its length, is answered like one that is empty', async () => {
  const endpoint = createEventEndpoint({
    services: [{ name: 'registry', eventsTokens: ['a'.repeat(32)] }],
    take: async () => 'unreadable',
    onEvents() {},
    log: { warn() {}, error() {} },
    now: () => now,
  });
  await withServer(
    (request, response) => void endpoint.answer(request, response, 'registry'),
    async (url) => {
      const answerTo = async (method: string): Promise<string> => {
        const socket = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('utf8');
        socket.write(
          `${method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${'a'.repeat(32)}\r\n\r\n`,
        );
        return (await socket.toArray()).join('');
      };
      assert.match(await answerTo('POST'), /^HTTP\/1.1 200 /);
      assert.match(await answerTo('GET'), /^HTTP\/1.1 405 [\s\S]*\r\nAllow: POST\r\n/);
    },
  );
});

test('what a connection that broke had sent is not taken, and no one waits for the rest', async () => {
  const taken: string[] = [];
  const lines: string[] = [];
  const endpoint = createEventEndpoint({
    services: [{ name: service, eventsTokens: ['a'.repeat(32)] }],
    take: async (name) => {
      taken.push(name);
      return 'stored';
    },
    onEvents() {},
    log: {
      warn: (_fields, message) => void lines.push(message),
      error: (_fields, message) => void lines.push(message),
    },
    now: () => now,
  });
  const answered = Promise.withResolvers<void>();
  await withServer(
    (request, response) => answered.resolve(endpoint.answer(request, response, encodeURIComponent(service))),
    async (url) => {
      const headers = { Authorization: `Bearer ${'a'.repeat(32)}`, 'Content-Length': '1000' };
      const request = http.request(`${url}${eventsPath}${encodeURIComponent(service)}`, { method: 'POST', headers });
      request.on('error', () => {});
      request.write(bodyOf(event('push')));
      request.once('socket', (socket) => socket.once('connect', () => setImmediate(() => request.destroy())));
      await answered.promise;
    },
  );
  assert.deepEqual([taken, lines], [[], []]);
});
