/** The pages of repositories with a real registry that reports: what a tag is, deleting it, and the catalog behind nginx and Caddy. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { notificationsFor } from '../../src/repositories/notifications-block.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { createCrane } from '../support/crane.ts';
import { blocksOf } from '../support/document.ts';
import { createInstallation, type Installation, type Server } from '../support/installation.ts';
import { startNginx } from '../support/nginx.ts';
import { createOras } from '../support/oras.ts';
import { findProgram, missing } from '../support/parts.ts';
import { startPodman } from '../support/podman.ts';
import { freePorts } from '../support/ports.ts';
import { type Running, startProgram } from '../support/process.ts';
import { pushImage, pushIndex } from '../support/push.ts';
import { canDeleteTags, startRegistry } from '../support/registry.ts';
import { type RegistryClient, succeed } from '../support/registry-client.ts';
import { createSkopeo } from '../support/skopeo.ts';
import { basic } from '../support/token-service.ts';
import { writeSession } from '../support/walk.ts';

const policy = `
acl:
  - match: { account: "ana@example.com" }
    actions: ["*"]
  - match: { account: "bo@example.com", name: "team/**" }
    actions: [pull, push]
`;
const [ana, bo] = ['ana@example.com', 'bo@example.com'];
const eventsToken = 'a-token-of-at-least-32-characters';
const sessionSecret = 's'.repeat(32);

/** Those that list repositories, as far as they are installed. */
async function clientsIn(folder: string): Promise<RegistryClient[]> {
  return [
    ...(missing('podman', 'root') === false ? [await startPodman(folder)] : []),
    ...(findProgram('oras') === null ? [] : [createOras(folder)]),
    ...(findProgram('crane') === null ? [] : [createCrane(folder)]),
  ];
}

describe('a registry behind the pages', { skip: missing('docker-registry') }, () => {
  let installation: Installation;
  let server: Server;
  let registry: Running;
  let store: Store;
  let folder: string;
  let host: string;
  /** 2.8 can't delete a tag by itself, 3.x can. */
  let deletesTags = false;
  const stack = new AsyncDisposableStack();

  before(async () => {
    deletesTags = await canDeleteTags();
    folder = await mkdtemp(join(tmpdir(), 'dockpass-pages-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    installation = createInstallation();
    stack.defer(() => installation.remove());
    await writeFile(join(installation.folder, 'policy.yml'), policy);
    const [port = 0, registryPort = 0] = await freePorts(2);
    host = `localhost:${registryPort}`;
    const publicUrl = `http://localhost:${port}`;
    const prefix = `SERVICE_${host.toUpperCase().replace(/\W/, '_')}_`;
    Object.assign(installation.environment, {
      ...{
        PORT: String(port),
        PUBLIC_URL: publicUrl,
        SERVICES: host,
        SESSION_SECRET: sessionSecret,
        ADMIN_EMAILS: ana,
      },
      ...{ [`${prefix}EVENTS_TOKEN`]: eventsToken, [`${prefix}URL`]: `http://${host}`, TRUSTED_PROXIES: '127.0.0.1' },
    });
    server = await installation.serve();
    stack.defer(() => server.stop());
    for (const login of [ana, bo]) await installation.addPerson(login);
    const settings = {
      ...{ folder: join(folder, 'registry'), port: registryPort, realm: `${publicUrl}/auth`, service: host },
      issuer: new URL(publicUrl).host,
      certificateBundleFile: join(installation.folder, 'data', 'registry-bundle.pem'),
      notifications: notificationsFor(new URL(publicUrl), host, eventsToken),
    };
    registry = await startRegistry(settings);
    stack.defer(() => registry.stop());
    store = await openStore(`sqlite:${join(installation.folder, 'data', 'dockpass.db')}`, assert.ifError);
    stack.defer(() => store.close());
  });
  after(() => stack.disposeAsync());

  const password = async (login: string): Promise<string> =>
    (await installation.command(['password', 'create', login, '--name', `p${Math.random()}`])).stdout.trim();
  const secrets = new Map<string, Promise<string>>();
  const secretOf = (login: string) => {
    const secret = secrets.get(login) ?? password(login);
    secrets.set(login, secret);
    return secret;
  };
  const pusher = async (repository: string) => {
    const scope = `repository:${repository}:pull,push`;
    const headers = { Authorization: basic(ana, await secretOf(ana)) };
    const answer = await fetch(`${server.url}/auth?service=${encodeURIComponent(host)}&scope=${scope}`, { headers });
    const { token } = (await answer.json()) as { token: string };
    return [`http://${host}/v2/${repository}`, { Authorization: `Bearer ${token}` }] as const;
  };
  /** @param ago how long ago they signed in, in minutes */
  const visit = async (login: string, path: string, form: Record<string, string> | null = null, ago = 0) => {
    const cookie = await writeSession(store, sessionSecret, `account-${login}`, Date.now() - ago * 60_000);
    const { PUBLIC_URL: origin = '' } = installation.environment;
    const headers = { cookie, origin, 'sec-fetch-site': 'same-origin' };
    const body = form && new URLSearchParams(form);
    const answer = await fetch(server.url + path, {
      redirect: 'manual',
      headers,
      ...(body && { method: 'POST', body }),
    });
    return { status: answer.status, text: await answer.text(), location: answer.headers.get('location') };
  };
  /** The registry sends events in the background. */
  const shown = async (login: string, path: string, pattern: RegExp): Promise<string> => {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const { text } = await visit(login, path);
      if (pattern.test(text)) return text;
      assert.ok(Date.now() < deadline, `${path} never shows ${pattern}:\n${text}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const base = () => `/repositories/${encodeURIComponent(host)}`;
  const fieldsOf = (text: string): Record<string, string> =>
    Object.fromEntries(
      [...text.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)">/g)].map(([, name = '', value = '']) => [
        name,
        value,
      ]),
    );
  const tagsOf = async (repository: string): Promise<string[]> => {
    const [target, headers] = await pusher(repository);
    const answer = (await (await fetch(`${target}/tags/list`, { headers })).json()) as { tags: string[] };
    return answer.tags.sort();
  };
  const audited = async () => {
    const rows = await store.audit.list({}, null, 50);
    return rows.filter(({ action }) => action.startsWith('repository.'));
  };

  test('what was pushed is listed for whoever can pull it, with who pushed it, and looking is no pull', async () => {
    const [target, headers] = await pusher('team/app');
    const image = await pushImage(target, headers, '1');
    await pushIndex(target, headers, 'multi', [image, image]);
    await pushImage(...(await pusher('secret/x')), '1');
    await shown(ana, '/repositories', /2 repositories[\s\S]*secret\/x/);
    const text = await shown(bo, '/repositories', /1 repository/);
    assert.match(text, /team\/app[\s\S]*by <bdi>ana@example\.com/);
    assert.doesNotMatch(text, /secret/);
    const tag = await visit(bo, `${base()}/team/app?tag=multi`);
    assert.match(tag.text, /Index[\s\S]*linux\/amd64[\s\S]*linux\/arm64/);
    assert.doesNotMatch(tag.text, /Delete/);
    assert.match((await visit(bo, `${base()}/team/app?tag=1`)).text, /<span class="badge plain some">Image<\/span>/);
    const hidden = await visit(bo, `${base()}/secret/x`);
    const nowhere = await visit(bo, `${base()}/secret/y`);
    assert.deepEqual([hidden.status, nowhere.status], [404, 404]);
    const plain = ({ text: page }: { text: string }) => page.replaceAll(/secret\/[xy]|"requestId":"\w+"/g, '');
    assert.equal(plain(hidden), plain(nowhere));
    assert.equal((await store.repositories.byName(host, 'team/app'))?.recent_pulls, 0);
  });

  test('a deletion shows every tag and index that goes with it, needs a recent sign-in and the right to it', async () => {
    const path = `${base()}/-/delete/team/app?tag=1`;
    const [target, headers] = await pusher('team/app');
    await pushImage(target, headers, 'one', ['the same layer']);
    await pushImage(target, headers, 'two', ['the same layer']);
    assert.equal((await visit(bo, path)).status, 403);
    assert.equal((await visit(bo, `${base()}/-/delete/secret/x?tag=1`)).status, 404);
    assert.equal((await visit(ana, path, null, 60)).status, 403);
    const preview = (await visit(ana, path)).text;
    assert.match(preview, /This tag goes[\s\S]*These indexes contain it[\s\S]*multi/);
    assert.equal(/can’t delete a single tag/.test(preview), !deletesTags);
    assert.equal(/Delete the tag</.test(preview), deletesTags);
    const both = (await visit(ana, path.replace('tag=1', 'tag=one'))).text;
    assert.match(both, /These 2 tags go[\s\S]*>one<[\s\S]*>two</);
  });

  test('what changed since the preview is not deleted', async () => {
    const path = `${base()}/-/delete/team/app`;
    const form = fieldsOf((await visit(ana, `${path}?tag=one`)).text);
    const [target, headers] = await pusher('team/app');
    await pushImage(target, headers, 'three', ['the same layer']);
    const other = await visit(ana, path, form);
    assert.equal(other.status, 409);
    assert.match(other.text, /Nothing was deleted[\s\S]*These 3 tags/);
    const moved = fieldsOf((await visit(ana, `${path}?tag=three`)).text);
    await pushImage(target, headers, 'three', ['another layer']);
    const refused = await visit(ana, path, moved);
    assert.equal(refused.status, 409);
    assert.match(refused.text, /The tag has moved/);
    assert.deepEqual(await tagsOf('team/app'), ['1', 'multi', 'one', 'three', 'two']);
    assert.deepEqual(await audited(), []);
  });

  test('a deletion deletes what was shown, and is in the audit and out of the lists', async () => {
    const path = `${base()}/-/delete/team/app`;
    const preview = (await visit(ana, `${path}?tag=one`)).text;
    const form = fieldsOf(preview);
    const [, action = ''] = /<form class="card" method="post" action="([^"]+)"/.exec(preview) ?? [];
    const stale = await visit(ana, action, form, 60);
    assert.equal(stale.status, 403);
    const [, back = ''] = /return_to=([^&"]+)/.exec(stale.text) ?? [];
    assert.match((await visit(ana, decodeURIComponent(back))).text, /Delete team\/app:one\?/);
    const { status, location } = await visit(ana, path, form);
    assert.equal(status, 303);
    assert.deepEqual(await tagsOf('team/app'), ['1', 'multi', 'three']);
    const page = await shown(ana, location ?? '', /has been deleted/);
    assert.doesNotMatch(page, />(one|two)</);
    const [event, ...others] = await audited();
    assert.deepEqual(others, []);
    assert.equal(event?.action, 'repository.delete-manifest');
    assert.equal(event.repository, 'team/app');
    assert.deepEqual(JSON.parse(event.detail_json).tags, ['one', 'two']);
    assert.equal((await visit(ana, path, form)).status, 404);
  });

  test('a tag alone is deleted where the registry can, and refused where it can’t', async () => {
    const path = `${base()}/-/delete/team/app`;
    const form = { ...fieldsOf((await visit(ana, `${path}?tag=three`)).text), what: 'tag' };
    const { status, text } = await visit(ana, path, form);
    assert.equal(status, deletesTags ? 303 : 409);
    if (!deletesTags) assert.match(text, /can’t delete a single tag/);
    assert.deepEqual(await tagsOf('team/app'), deletesTags ? ['1', 'multi'] : ['1', 'multi', 'three']);
    const expected = ['repository.delete-manifest', ...(deletesTags ? ['repository.delete-tag'] : [])];
    assert.deepEqual((await audited()).map(({ action }) => action).sort(), expected);
  });

  test('an administrator has the registry read, and asks who can push', async () => {
    assert.equal((await visit(bo, '/admin/repositories/sync', { service: host })).status, 403);
    const { status, location } = await visit(ana, '/admin/repositories/sync', { service: host });
    assert.equal(status, 303);
    await shown(ana, location ?? '', /The last read found 2 repositories/);
    assert.ok((await audited()).some(({ action, actor }) => action === 'repository.sync' && actor === ana));
    const who = async (query: string) => (await visit(ana, `/admin/repositories/who-can?${query}`)).text;
    assert.match(await who('repository=team/app'), /2 accounts[\s\S]*ana@example[\s\S]*bo@example/);
    const secret = await who('repository=secret/x');
    assert.match(secret, /1 account</);
    assert.doesNotMatch(secret, /bo@example/);
  });

  test('the catalog through the rules of docs/repositories.md: nginx and Caddy, Basic, and the clients that list', async (t) => {
    const [front = 0, other = 0] = await freePorts(2);
    const [location = ''] = blocksOf('docs/repositories.md', 'nginx');
    const [site = ''] = blocksOf('docs/repositories.md', 'caddyfile');
    const at = (text: string) =>
      text
        .replaceAll('127.0.0.1:5001', new URL(server.url).host)
        .replaceAll('127.0.0.1:5000', host.replace('localhost', '127.0.0.1'));
    const proxies: Record<string, () => Promise<Running>> = {
      nginx: () =>
        startNginx(
          folder,
          `server { listen 127.0.0.1:${front}; client_max_body_size 0; ${at(location)}
            location /v2/ { proxy_pass http://127.0.0.1:${host.split(':')[1]}; proxy_set_header Host $http_host; } }`,
        ),
      caddy: async () => {
        const file = join(folder, 'Caddyfile');
        const text = at(site).replace('registry.example.com {', `http://localhost:${other} {`);
        await writeFile(file, `{\n\tadmin off\n\tauto_https off\n}\n${text}`);
        const env = { PATH: process.env['PATH'], HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
        const args = ['run', '--config', file, '--adapter', 'caddyfile'];
        return startProgram('caddy', args, { ready: /serving initial configuration/, env });
      },
    };
    for (const [name, start] of Object.entries(proxies)) {
      await t.test(name, { skip: missing(name) }, async (inner) => {
        const running = await start();
        inner.after(() => running.stop());
        const proxy = `localhost:${name === 'nginx' ? front : other}`;
        const listed = async (authorization: string) =>
          (await fetch(`http://${proxy}/v2/_catalog`, { headers: { authorization } })).json();
        assert.deepEqual(await listed(basic(bo, await secretOf(bo))), { repositories: ['team/app'] });
        assert.deepEqual(await listed(basic(ana, await secretOf(ana))), { repositories: ['secret/x', 'team/app'] });
        const challenge = (await fetch(`http://${proxy}/v2/_catalog`)).headers.get('www-authenticate') ?? '';
        assert.match(
          challenge,
          /^Bearer realm="http:\/\/localhost:\d+\/auth",service=".+",scope="registry:catalog:\*"$/,
        );
        if (missing('skopeo') === false) {
          const skopeo = createSkopeo(await mkdtemp(join(folder, 'skopeo-')));
          await succeed(skopeo.login(proxy, bo, await secretOf(bo)));
          await succeed(skopeo.pull(`${proxy}/team/app:1`));
        }
        for (const client of await clientsIn(await mkdtemp(join(folder, 'clients-')))) {
          inner.after(() => client.stop());
          const who = await client.version();
          await succeed(client.login(proxy, bo, await secretOf(bo)));
          const found = (await client.catalog?.(proxy))?.output ?? '';
          assert.match(found, /team\/app/, who);
          assert.doesNotMatch(found, /secret/, who);
        }
      });
    }
  });
});
