/** What Dockpass reads from a registry by itself: from a real one, and from one that misbehaves. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { contentOf } from '../../src/repositories/manifest.ts';
import { createRegistry, type Registry } from '../../src/repositories/registry.ts';
import { createAskRegistry } from '../../src/repositories/registry-request.ts';
import { mint } from '../../src/token/mint.ts';
import { createKeyPlace, type KeyPlace } from '../support/key-place.ts';
import { withServer } from '../support/listening.ts';
import { missing } from '../support/parts.ts';
import { freePorts } from '../support/ports.ts';
import type { Running } from '../support/process.ts';
import { pushImage, pushIndex } from '../support/push.ts';
import { canDeleteTags, startRegistry } from '../support/registry.ts';

const service = { name: 'registry.example.com', issuer: 'auth.example.com', lifetime: 60 };
const unreadable = { code: 'bad_gateway' };

describe('a registry', { skip: missing('docker-registry') }, () => {
  let place: KeyPlace;
  let folder: string;
  let running: Running;
  let base: string;
  let registry: Registry;
  let headersFor: (repository: string) => Promise<Record<string, string>>;

  before(async () => {
    place = await createKeyPlace();
    const keys = await place.open();
    folder = await mkdtemp(join(tmpdir(), 'dockpass-registry-'));
    const [port = 0] = await freePorts(1);
    base = `http://127.0.0.1:${port}`;
    const realm = 'http://127.0.0.1/auth';
    const { bundleFile: certificateBundleFile } = place.settings;
    running = await startRegistry({
      ...{ folder, port, realm, certificateBundleFile, accessLog: true },
      ...{ service: service.name, issuer: service.issuer },
    });
    const signer = () => keys.ring('').signer('x5c');
    const ask = createAskRegistry(null);
    const parts = { url: new URL(base), ask, service: service.name, issuer: service.issuer, signer, now: Date.now };
    registry = createRegistry(parts);
    headersFor = async (name) => {
      const access = [{ type: 'repository', name, actions: ['pull', 'push'] }];
      const { jwt } = await mint(signer(), service, { account: 'ana', access }, Date.now());
      return { Authorization: `Bearer ${jwt}` };
    };
  });
  after(async () => {
    await running.stop();
    await place.close();
    await rm(folder, { recursive: true });
  });

  const targetOf = (repository: string) => `${base}/v2/${repository}`;

  test('its catalog, tags, manifests and indexes are read', async () => {
    const headers = await headersFor('team/app');
    const image = await pushImage(targetOf('team/app'), headers, '1', ['one layer', 'another layer']);
    const other = await pushImage(targetOf('team/app'), headers, null);
    const index = await pushIndex(targetOf('team/app'), headers, 'multi', [image, other]);
    assert.deepEqual(await registry.catalog(''), { names: ['team/app'], next: null });
    assert.deepEqual((await registry.tags('team/app')).sort(), ['1', 'multi']);
    assert.equal((await registry.resolve('team/app', '1'))?.digest, image.digest);
    const read = await registry.manifest('team/app', '1');
    assert.equal(read?.digest, image.digest);
    const content = read === null ? null : contentOf(read);
    assert.deepEqual(
      content?.map(({ size }) => size).sort((a, b) => a - b),
      [9, 13, 37],
    );
    const readIndex = await registry.manifest('team/app', index.digest);
    assert.deepEqual(
      readIndex?.children.map(({ digest, platform }) => [digest, platform]),
      [
        [image.digest, 'linux/amd64'],
        [other.digest, 'linux/arm64'],
      ],
    );
    assert.equal(readIndex === null || readIndex === undefined ? [] : contentOf(readIndex), null);
  });

  test('what is not there is told from what could not be read', async () => {
    assert.deepEqual(await registry.tags('no/such'), []);
    assert.equal(await registry.resolve('no/such', 'latest'), null);
    assert.equal(await registry.manifest('no/such', `sha256:${'0'.repeat(64)}`), null);
    await assert.rejects(registry.tags('../_catalog'), TypeError);
    await assert.rejects(registry.resolve('team/app', 'a/b'), TypeError);
  });

  test('a tag is deleted by itself where the registry can, and else with its manifest only', async () => {
    const headers = await headersFor('team/old');
    const { digest } = await pushImage(targetOf('team/old'), headers, '1');
    const tag = await registry.deleteTag('team/old', '1');
    assert.equal(tag.outcome, (await canDeleteTags()) ? 'deleted' : 'unsupported');
    assert.equal((await registry.deleteManifest('team/old', digest)).outcome, 'deleted');
    assert.equal((await registry.deleteManifest('team/old', digest)).outcome, 'absent');
    assert.deepEqual(await registry.tags('team/old'), []);
  });

  test('a token that it refuses is an error', async () => {
    const refused = createRegistry({
      ...{ url: new URL(base), ask: createAskRegistry(null), now: Date.now },
      ...{ service: service.name, issuer: service.issuer, signer: () => ({ sign: async () => 'not a token' }) },
    });
    await assert.rejects(refused.catalog(''), { ...unreadable, message: /answers 401/ });
  });
});

describe('a registry that misbehaves', () => {
  const read = async (
    answer: (request: IncomingMessage, response: ServerResponse) => void,
    action: (registry: Registry) => Promise<void>,
    now = 0,
  ): Promise<void> => {
    const parts = { ask: createAskRegistry(null), service: 's', issuer: 'i', now: () => now };
    const signer = () => ({ sign: async () => 'secret' });
    await withServer(answer, (url) => action(createRegistry({ ...parts, url: new URL(`${url}/sub/`), signer })));
  };

  test("a redirect isn't followed, so that nobody else gets the token", async () => {
    const asked: string[] = [];
    await withServer(
      (request, response) => {
        asked.push(request.url ?? '');
        response.end('{"tags":[]}');
      },
      (elsewhere) =>
        read(
          (_request, response) => void response.writeHead(307, { location: `${elsewhere}/v2/x` }).end(),
          async (registry) => {
            await assert.rejects(registry.tags('team/app'), { ...unreadable, message: /a redirect/ });
          },
        ),
    );
    assert.deepEqual(asked, []);
  });

  test('the address of a next page counts for nothing but its last name', async () => {
    const asked: string[] = [];
    await read(
      (request, response) => {
        asked.push(`${request.url} ${request.headers.authorization}`);
        const isFirst = !request.url?.includes('last=');
        if (isFirst) response.setHeader('Link', '<https://evil.example/v2/_catalog?n=1&last=a>; rel="next"');
        response.end(JSON.stringify({ repositories: [isFirst ? 'a' : 'b'] }));
      },
      async (registry) => {
        assert.deepEqual(await registry.catalog(''), { names: ['a'], next: 'a' });
        assert.deepEqual(await registry.catalog('a'), { names: ['b'], next: null });
      },
    );
    assert.deepEqual(asked, ['/sub/v2/_catalog?n=1000& Bearer secret', '/sub/v2/_catalog?n=1000&last=a Bearer secret']);
  });

  test('a 3.x that gives fewer names a page is asked for as many as it likes, and deletes a tag alone', async () => {
    const asked: string[] = [];
    await read(
      (request, response) => {
        asked.push(`${request.method} ${request.url}`);
        if (request.method === 'DELETE') response.writeHead(202).end();
        else if (request.url?.includes('n=')) {
          response.writeHead(400).end('{"errors":[{"code":"PAGINATION_NUMBER_INVALID","message":"invalid number"}]}');
        } else response.end('{"repositories":["b"]}');
      },
      async (registry) => {
        assert.deepEqual(await registry.catalog('a'), { names: ['b'], next: null });
        assert.equal((await registry.deleteTag('team/app', 'old')).outcome, 'deleted');
      },
    );
    assert.deepEqual(asked, [
      'GET /sub/v2/_catalog?n=1000&last=a',
      'GET /sub/v2/_catalog?last=a',
      'DELETE /sub/v2/team/app/manifests/old',
    ]);
  });

  test('a deletion has the time of the registry, whose clock need not be ours', async () => {
    const ours = Date.parse('2026-11-30T12:00:00.400Z');
    const cases: readonly (readonly [date: string | null, at: string])[] = [
      ['Mon, 30 Nov 2026 12:00:00 GMT', '2026-11-30T12:00:00.400Z'],
      ['Mon, 30 Nov 2026 11:50:00 GMT', '2026-11-30T11:50:00.999Z'],
      ['Mon, 30 Nov 2026 12:02:00 GMT', '2026-11-30T12:02:00.000Z'],
      ['Mon, 30 Nov 2036 12:00:00 GMT', '2026-11-30T12:05:00.400Z'],
      ['yesterday', '2026-11-30T12:00:00.400Z'],
      [null, '2026-11-30T12:00:00.400Z'],
    ];
    for (const [date, at] of cases) {
      await read(
        (_request, response) => {
          response.sendDate = false;
          if (date !== null) response.setHeader('Date', date);
          response.writeHead(202).end();
        },
        async (registry) => {
          const deleted = await registry.deleteTag('team/app', 'old');
          assert.equal(new Date(deleted.at).toISOString(), at, String(date));
        },
        ours,
      );
    }
  });

  const answers: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>> = {
    'an error': (_request, response) => void response.writeHead(503).end('{"tags":null}'),
    'a refusal': (_request, response) => void response.writeHead(401).end('{"tags":null}'),
    'half a page': (_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"tags":["a"]}');
      setImmediate(() => response.destroy());
    },
    'no JSON': (_request, response) => void response.end('<html>'),
    'no list': (_request, response) => void response.end('{"errors":[]}'),
    'the same page again and again': (_request, response) =>
      void response.setHeader('Link', '</v2/x?last=a>; rel="next"').end('{"tags":["a"]}'),
    'a next page that begins nowhere': (_request, response) =>
      void response.setHeader('Link', '</v2/x>; rel="next"').end('{"tags":[]}'),
    'pages without an end': (request, response) => {
      const page = Number(new URL(request.url ?? '', 'http://x').searchParams.get('last') ?? 0);
      response.setHeader('Link', `</v2/x?last=${page + 1}>; rel="next"`);
      response.end(JSON.stringify({ tags: Array.from({ length: 60_000 }, (_, at) => `${page}.${at}`) }));
    },
    'no second page': (request, response) => {
      if (request.url?.includes('last=')) response.writeHead(404).end();
      else response.setHeader('Link', '</v2/x?last=a>; rel="next"').end('{"tags":["a"]}');
    },
  };
  for (const [name, answer] of Object.entries(answers)) {
    test(`${name} means that nothing is known`, () =>
      read(answer, (registry) => assert.rejects(registry.tags('team/app'), unreadable)));
  }

  test('what can be no name and no tag is left out', () =>
    read(
      (_request, response) =>
        void response.end('{"repositories":["a","../b","Team/App"],"tags":["1","a/b","..","-x","2"]}'),
      async (registry) => {
        assert.deepEqual((await registry.catalog('')).names, ['a']);
        assert.deepEqual(await registry.tags('team/app'), ['1', '2']);
      },
    ));

  test('null in the place of the tags means that there are none', () =>
    read(
      (_request, response) => void response.end('{"name":"team/app","tags":null}'),
      async (registry) => assert.deepEqual(await registry.tags('team/app'), []),
    ));
});
