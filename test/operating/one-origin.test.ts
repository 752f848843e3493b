/**
 * Dockpass below a path of the registry's own host, with the text of docs/operating.md: real nginx and registry, skopeo, and a
 * page in Chromium that asks the registry as docker-registry-ui does. `DOCKER_REGISTRY_UI` names the folder of that one's `dist/`.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { launchBrowser, noBrowser } from '../support/browser.ts';
import { blocksOf } from '../support/document.ts';
import { createInstallation, type Installation } from '../support/installation.ts';
import { startNginx } from '../support/nginx.ts';
import { missing } from '../support/parts.ts';
import { freePorts } from '../support/ports.ts';
import { startRegistry } from '../support/registry.ts';
import { succeed } from '../support/registry-client.ts';
import { createSkopeo } from '../support/skopeo.ts';
import { makeTlsFiles, type TlsFiles } from '../support/tls.ts';

const service = 'registry.example.com';
const user = 'ana@example.com';

/** A UI in twenty lines: on a 401 it gets a token from the realm, for which the browser itself asks for a password. */
const page = `<!doctype html><title>UI</title><ul></ul><script>
function ask(url, authorization, then) {
  const request = new XMLHttpRequest();
  request.open('GET', url);
  if (authorization) request.setRequestHeader('Authorization', authorization);
  request.onloadend = () => then(request);
  request.send();
}
ask('/v2/_catalog', null, (first) => {
  const [, realm, service, scope] = /realm="([^"]*)",service="([^"]*)",scope="([^"]*)"/.exec(first.getResponseHeader('www-authenticate'));
  ask(realm + '?service=' + service + '&scope=' + scope, null, (answer) => {
    ask('/v2/_catalog', 'Bearer ' + JSON.parse(answer.responseText).token, (listed) => {
      document.querySelector('ul').innerText = listed.responseText;
    });
  });
});
</script>`;

test('the UI, the registry and Dockpass on one origin', {
  skip: missing('nginx', 'docker-registry', 'openssl', 'skopeo') || noBrowser(),
}, async (t) => {
  const { installation, files, front, password, realm, folder } = await start(t);

  await t.test("skopeo logs in and pushes by the realm on the registry's host", async () => {
    const skopeo = createSkopeo(folder);
    await succeed(skopeo.login(`localhost:${front}`, user, password));
    await succeed(skopeo.push(await skopeo.make(), `localhost:${front}/team/app:1`));
  });
  await t.test('the doctor finds nothing wrong', async () => {
    const { code, output } = await installation.run([
      'doctor',
      `https://localhost:${front}`,
      '--ca',
      files.certificate,
    ]);
    assert.equal(code, 0, output);
    assert.match(output, new RegExp(`ok +realm +${realm} is this Dockpass`));
  });
  await t.test('a browser shows the repositories, and the sign-in page', async () => {
    const browser = await launchBrowser();
    t.after(() => browser.close());
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      httpCredentials: { username: user, password, send: 'unauthorized' },
    });
    const ui = await context.newPage();
    await ui.goto(`https://localhost:${front}/`);
    await ui.getByText('team').first().waitFor();
    assert.doesNotMatch(await ui.locator('body').innerText(), /UNAUTHORIZED/i);
    const signIn = await context.newPage();
    const answer = await signIn.goto(`https://localhost:${front}/dockpass/`);
    assert.equal(answer?.status(), 200);
    await signIn.getByRole('link', { name: /Google/ }).waitFor();
  });
});

async function start(t: TestContext) {
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const installation = createInstallation();
  stack.defer(() => installation.remove());
  const { folder, environment } = installation;
  const files = await makeTlsFiles(folder);
  const [port = 0, registry = 0, front = 0] = await freePorts(3);
  const publicUrl = `https://localhost:${front}/dockpass`;
  writeFileSync(join(folder, 'policy.yml'), `acl: [{match: {account: "${user}"}, actions: ["*"]}]\n`);
  Object.assign(environment, {
    ...{ PORT: String(port), PUBLIC_URL: publicUrl, SERVICES: service, TRUSTED_PROXIES: '127.0.0.1' },
    ...{ GOOGLE_CLIENT_ID: 'x', GOOGLE_CLIENT_SECRET: 'x', GOOGLE_DOMAINS: 'example.com' },
    SERVICE_REGISTRY_EXAMPLE_COM_ANONYMOUS_ACCESS: 'false',
  });
  const server = await installation.serve();
  stack.defer(() => server.stop());
  const running = await startRegistry({
    ...{ folder: join(folder, 'registry'), port: registry, service, realm: `${publicUrl}/auth` },
    issuer: new URL(publicUrl).host,
    certificateBundleFile: join(folder, 'data', 'registry-bundle.pem'),
  });
  stack.defer(() => running.stop());
  const nginx = await startNginx(folder, serversOf({ folder, files, port, registry, front }));
  stack.defer(() => nginx.stop());
  return { installation, files, front, folder, realm: `${publicUrl}/auth`, password: await passwordOf(installation) };
}

async function passwordOf(installation: Installation): Promise<string> {
  await installation.addPerson(user);
  return (await installation.run(['password', 'create', user, '--name', 'ui'])).stdout.trim();
}

type Places = {
  readonly folder: string;
  readonly files: TlsFiles;
  readonly port: number;
  readonly registry: number;
  readonly front: number;
};

/** The registry's server of the documentation, with the two places that its sections on one host and on UIs add. */
function serversOf({ folder, files, port, registry, front }: Places): string {
  const [both = ''] = blocksOf('docs/operating.md', 'nginx');
  const added = blocksOf('docs/operating.md', 'nginx', { indented: true }).filter((block) =>
    /^\s*location/.test(block),
  );
  assert.equal(added.length, 2);
  const [, second = ''] = both.split(/^server \{/m).slice(1);
  return `server {${second.replace(/\}\s*$/, `${added.join('\n')}\n}`)}`
    .replace('listen 443', `listen 127.0.0.1:${front}`)
    .replace(/ssl_certificate \S+;/, `ssl_certificate ${files.certificate};`)
    .replace(/ssl_certificate_key \S+;/, `ssl_certificate_key ${files.key};`)
    .replaceAll('127.0.0.1:5001', `127.0.0.1:${port}`)
    .replaceAll('127.0.0.1:5000', `127.0.0.1:${registry}`)
    .replace('/usr/share/docker-registry-ui', writeUi(folder, front));
}

function writeUi(folder: string, front: number): string {
  const ui = join(folder, 'ui');
  mkdirSync(ui);
  writeFileSync(join(ui, 'index.html'), page);
  const real = process.env['DOCKER_REGISTRY_UI'];
  if (real === undefined) return ui;
  cpSync(real, ui, { recursive: true });
  const index = readFileSync(join(ui, 'index.html'), 'utf8');
  const settings: Readonly<Record<string, string>> = {
    REGISTRY_URL: `https://localhost:${front}`,
    SINGLE_REGISTRY: 'true',
    REGISTRY_SECURED: 'true',
  };
  writeFileSync(
    join(ui, 'index.html'),
    index.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => settings[name] ?? ''),
  );
  return ui;
}
