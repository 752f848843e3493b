/** A real registry 2.8 that reports to Dockpass, as clients push, pull and delete: what is known in the end. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { formatNotifications, notificationsFor } from '../../src/repositories/notifications-block.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { missing } from '../support/parts.ts';
import { freePorts } from '../support/ports.ts';
import type { Running } from '../support/process.ts';
import { pushImage, pushIndex } from '../support/push.ts';
import { startRegistry } from '../support/registry.ts';
import { succeed } from '../support/registry-client.ts';
import { createSkopeo } from '../support/skopeo.ts';
import { basic } from '../support/token-service.ts';

const ana = 'ana@example.com';
const token = 'a token of thirty-two characters'.replaceAll(' ', '-');

test('the block that is printed is the one that the tests use', () => {
  const url = new URL('https://auth.example.com/sub/');
  const printed = formatNotifications(url, 'my registry:5000', 'SERVICE_X_EVENTS_TOKEN');
  const notifications = notificationsFor(url, 'my registry:5000', '<the value of SERVICE_X_EVENTS_TOKEN>');
  assert.equal(printed, stringify({ notifications }, { lineWidth: 0 }).trimEnd());
  assert.match(printed, /url: https:\/\/auth\.example\.com\/sub\/registry-events\/my%20registry%3A5000$/m);
});

describe('a registry 2.8 that reports', { skip: missing('docker-registry', 'skopeo') }, () => {
  let installation: Installation;
  let server: Server;
  let registry: Running;
  let store: Store;
  let folder: string;
  let host: string;
  let secret: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dockpass-notifications-'));
    installation = createInstallation();
    const [port = 0, registryPort = 0] = await freePorts(2);
    host = `localhost:${registryPort}`;
    const publicUrl = `http://localhost:${port}`;
    const prefix = `SERVICE_${host.toUpperCase().replace(/\W/, '_')}_`;
    const settings = { PORT: String(port), PUBLIC_URL: publicUrl, SERVICES: host, [`${prefix}EVENTS_TOKEN`]: token };
    Object.assign(installation.environment, settings);
    server = await installation.serve();
    await installation.addPerson(ana);
    const made = await installation.command(['password', 'create', ana, '--name', 'test', '--json']);
    secret = JSON.parse(made.stdout).secret;
    registry = await startRegistry({
      ...{ folder: join(folder, 'registry'), port: registryPort, realm: `${publicUrl}/auth`, service: host },
      issuer: new URL(publicUrl).host,
      certificateBundleFile: join(installation.folder, 'data', 'registry-bundle.pem'),
      notifications: notificationsFor(new URL(publicUrl), host, token),
    });
    store = await openStore(`sqlite:${join(installation.folder, 'data', 'dockpass.db')}`, assert.ifError);
  });
  after(async () => {
    await store.close();
    await registry.stop();
    await server.stop();
    installation.remove();
    await rm(folder, { recursive: true });
  });

  /** The registry sends events in the background, and pulls are stored a second later. */
  const eventually = async <Value>(read: () => Promise<Value>, isDone: (value: Value) => boolean): Promise<Value> => {
    const deadline = Date.now() + 30_000;
    for (;;) {
      const value = await read();
      if (isDone(value) || Date.now() > deadline) return value;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const tokenFor = async (repository: string): Promise<Record<string, string>> => {
    const scope = `repository:${repository}:pull,push,delete`;
    const url = `${server.url}/auth?service=${encodeURIComponent(host)}&scope=${scope}`;
    const answer = await fetch(url, { headers: { Authorization: basic(ana, secret) } });
    return { Authorization: `Bearer ${((await answer.json()) as { token: string }).token}` };
  };
  const countOf = async (repository: string, action: string) => {
    const days = await store.repositoryActivity.ofRepository(host, repository, 0);
    return days.filter((one) => one.action === action).reduce((sum, { count }) => sum + count, 0);
  };

  test('a push by skopeo, with its size and who pushed it; a pull counts once, whatever it asks', async () => {
    const skopeo = createSkopeo(folder);
    await succeed(skopeo.login(host, ana, secret));
    const reference = `${host}/team/app:1`;
    await succeed(skopeo.push(await skopeo.make(), reference));
    const tag = await eventually(
      () => store.repositoryTags.byName(host, 'team/app', '1'),
      (row) => row !== undefined,
    );
    assert.deepEqual([tag?.actor_kind, tag?.actor_login], ['person', ana]);
    await succeed(skopeo.pull(reference));
    assert.equal(
      await eventually(
        () => countOf('team/app', 'pull'),
        (count) => count > 0,
      ),
      1,
    );
    assert.equal(await countOf('team/app', 'push'), 1);
    const headers = { ...(await tokenFor('team/app')), Accept: 'application/vnd.oci.image.manifest.v1+json' };
    const manifest = await fetch(`http://${host}/v2/team/app/manifests/1`, { headers });
    const { config, layers } = (await manifest.json()) as { config: { size: number }; layers: { size: number }[] };
    const size = [config, ...layers].reduce((sum, one) => sum + one.size, 0);
    assert.equal((await store.repositories.byName(host, 'team/app'))?.size, size);
  });

  test('a pull of one platform is one pull; its index and its parts are known', async () => {
    const headers = await tokenFor('team/multi');
    const target = `http://${host}/v2/team/multi`;
    const images = [await pushImage(target, headers, null), await pushImage(target, headers, null)];
    const index = await pushIndex(target, headers, 'latest', images);
    await eventually(
      () => store.repositoryTags.byName(host, 'team/multi', 'latest'),
      (row) => row !== undefined,
    );
    assert.deepEqual(await store.repositoryTags.parents(host, 'team/multi', images[1]?.digest ?? ''), [index.digest]);
    const accept = { Accept: 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json' };
    for (const [method, name] of [
      ['HEAD', 'latest'],
      ['GET', 'latest'],
      ['GET', images[0]?.digest],
      ['HEAD', images[0]?.digest],
    ]) {
      const answer = await fetch(`${target}/manifests/${name}`, {
        method: method ?? '',
        headers: { ...headers, ...accept },
      });
      assert.equal(answer.status, 200);
    }
    // Events come in order: once the next one is there, so are all before it.
    await pushImage(target, headers, 'last');
    await eventually(
      () => store.repositoryTags.byName(host, 'team/multi', 'last'),
      (row) => row !== undefined,
    );
    assert.equal(
      await eventually(
        () => countOf('team/multi', 'pull'),
        (count) => count > 0,
      ),
      1,
    );
  });

  test('a deletion takes all tags of the manifest, and the size', async () => {
    const headers = await tokenFor('team/old');
    const target = `http://${host}/v2/team/old`;
    const { digest } = await pushImage(target, headers, '1', ['one layer']);
    await pushImage(target, headers, '2', ['one layer']);
    await eventually(
      () => store.repositoryTags.after(host, 'team/old', '', 10),
      (rows) => rows.length === 2,
    );
    const answer = await fetch(`${target}/manifests/${digest}`, { method: 'DELETE', headers });
    assert.equal(answer.status, 202);
    const row = await eventually(
      () => store.repositories.byName(host, 'team/old'),
      (found) => found?.tags === 0,
    );
    assert.deepEqual([row?.tags, row?.size], [0, null]);
    assert.equal(await countOf('team/old', 'delete'), 1);
  });

  test('the doctor says since when they arrive, and prints the block', async () => {
    const { stdout } = await installation.command(['doctor', host]);
    assert.match(stdout, /ok +events +have arrived since 20\d\d-/);
    assert.match(stdout, /notifications:\n {2}events:\n {4}includereferences: true/);
    assert.ok(!stdout.includes(token));
  });

  test('the requests of a registry leave no line in the log', () => {
    assert.doesNotMatch(server.output(), /registry-events/);
  });
});
