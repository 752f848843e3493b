/** The action for GitHub and Forgejo and the component for GitLab: what they send where, and that they log a real client in. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { startDockerEngine } from '../support/docker-engine.ts';
import { createInstallation, type Server as Dockpass, type Installation } from '../support/installation.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { findProgram, missing } from '../support/parts.ts';
import { freePorts } from '../support/ports.ts';
import { runProgram } from '../support/process.ts';
import { startRegistry } from '../support/registry.ts';

const script = new URL('../../deploy/ci/github/login.sh', import.meta.url).pathname;
const component = new URL('../../deploy/ci/gitlab/templates/login.yml', import.meta.url).pathname;
const requestToken = 'the-request-token';
const noDocker = missing('root', 'dockerd', 'docker');

/** The shell of the GitLab component's `before_script`. */
async function componentScript(): Promise<string> {
  const [, job] = parseAllDocuments(await readFile(component, 'utf8')).map((document) => document.toJS() as unknown);
  const { before_script: lines } = (job as Record<string, { before_script: string[] }>)['.dockpass-login'] ?? {
    before_script: [],
  };
  return lines.join('\n');
}

test('shellcheck finds nothing in what CI systems run', { skip: missing('shellcheck') }, async () => {
  const check = (args: readonly string[], input = '') =>
    runProgram(findProgram('shellcheck') ?? 'shellcheck', args, { input });
  const ofAction = await check([script]);
  assert.equal(ofAction.code, 0, ofAction.output);
  const ofComponent = await check(['--shell=sh', '-'], await componentScript());
  assert.equal(ofComponent.code, 0, ofComponent.output);
});

describe('a CI job', { skip: missing('podman', 'docker-registry', 'curl') }, () => {
  const stack = new AsyncDisposableStack();
  let issuer: TestIssuer;
  let installation: Installation;
  let dockpass: Dockpass;
  let platform: Server;
  let registry: string;
  let publicUrl: string;
  const asked: string[] = [];

  /** The contract of GitHub and Forgejo: one GET with the audience, a bearer token, JSON with `value`. */
  const answerPlatform = async ({ url = '', headers }: IncomingMessage): Promise<[status: number, body: string]> => {
    asked.push(url);
    if (headers.authorization !== `Bearer ${requestToken}`) return [401, '{}'];
    const aud = new URL(url, 'http://platform').searchParams.get('audience') ?? 'https://github.com/acme';
    const value = await issuer.sign({ aud, sub: 'repo:acme/web', repository: 'acme/web' });
    return [200, JSON.stringify({ count: value.length, value })];
  };

  before(async () => {
    issuer = await startIssuer();
    stack.defer(() => issuer.stop());
    installation = createInstallation();
    stack.defer(() => installation.remove());
    const [port = 0, registryPort = 0] = await freePorts(2);
    [publicUrl, registry] = [`http://localhost:${port}`, `localhost:${registryPort}`];
    await writeFile(join(installation.folder, 'policy.yml'), 'acl: [{ match: { kind: ci }, actions: [pull, push] }]');
    await writeFile(
      join(installation.folder, 'workloads.yml'),
      `issuers: { ci: { preset: oidc, issuer: "${issuer.url}" } }
rules: [{ issuer: ci, match: { sub: "repo:acme/web" }, account: "ci:web" }]`,
    );
    const settings = { PORT: String(port), PUBLIC_URL: publicUrl, SERVICES: registry };
    dockpass = await installation.serve(settings);
    stack.defer(() => dockpass.stop());
    const running = await startRegistry({
      folder: join(installation.folder, 'registry'),
      port: registryPort,
      realm: `${publicUrl}/auth`,
      service: registry,
      issuer: new URL(publicUrl).host,
      certificateBundleFile: join(installation.folder, 'data', 'registry-bundle.pem'),
    });
    stack.defer(() => running.stop());
    platform = createServer((request, response) => {
      void answerPlatform(request).then(([status, body]) => response.writeHead(status).end(body));
    });
    platform.listen(0, '127.0.0.1');
    await once(platform, 'listening');
    stack.defer(() => void platform.close());
  });
  after(() => stack.disposeAsync());

  const platformUrl = () => `http://127.0.0.1:${(platform.address() as AddressInfo).port}/token?api-version=2.0`;
  const runAction = async (environment: Record<string, string>) => {
    const folder = await mkdtemp(join(tmpdir(), 'dockpass-runner-'));
    stack.defer(() => rm(folder, { recursive: true }));
    const outputs = join(folder, 'env');
    await writeFile(outputs, '');
    const env = {
      ...{ PATH: process.env['PATH'] ?? '', HOME: folder, RUNNER_TEMP: folder, GITHUB_ENV: outputs },
      ...{ ACTIONS_ID_TOKEN_REQUEST_URL: platformUrl(), ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken },
      ...{ DOCKPASS_URL: publicUrl, DOCKPASS_REGISTRY: registry, DOCKPASS_AUDIENCE: '', DOCKPASS_SERVICE: '' },
      ...{ DOCKPASS_CLIENT: 'podman', DOCKPASS_CLIENT_OPTIONS: '--tls-verify=false' },
      ...environment,
    };
    const finished = await runProgram('sh', [script], { env });
    return { ...finished, variables: await readFile(outputs, 'utf8') };
  };

  test('of a platform whose endpoint GitHub’s own toolkit accepts', async () => {
    const saved = { ...process.env };
    Object.assign(process.env, {
      ACTIONS_ID_TOKEN_REQUEST_URL: platformUrl(),
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
    });
    try {
      const { getIDToken } = await import('@actions/core');
      assert.match(await getIDToken(publicUrl), /^eyJ/);
    } finally {
      process.env = saved;
    }
  });

  test('logs a real client in with the action, masks what it got, and tells later steps where', async () => {
    const { code, output, variables } = await runAction({});
    assert.equal(code, 0, output);
    assert.match(output, /::add-mask::eyJ[\s\S]*::add-mask::dkc_[\s\S]*Login Succeeded/);
    const [, file = ''] = /^REGISTRY_AUTH_FILE=(.+)$/m.exec(variables) ?? [];
    const { auths } = JSON.parse(await readFile(file, 'utf8')) as { auths: Record<string, { auth: string }> };
    assert.match(Buffer.from(auths[registry]?.auth ?? '', 'base64').toString(), /^oidc:dkc_/);
    assert.equal(new URL(asked.at(-1) ?? '', 'http://p').searchParams.get('audience'), publicUrl);
  });

  test('logs podman in where docker keeps an identity token, which podman reads and refuses', async () => {
    const docker = await mkdtemp(join(tmpdir(), 'dockpass-docker-'));
    stack.defer(() => rm(docker, { recursive: true }));
    const kept = { auth: Buffer.from('<token>:').toString('base64'), identitytoken: 'dkj_x' };
    await writeFile(join(docker, 'config.json'), JSON.stringify({ auths: { [registry]: kept } }));
    const { code, output, variables } = await runAction({ DOCKER_CONFIG: docker });
    assert.equal(code, 0, output);
    assert.doesNotMatch(variables, /DOCKER_CONFIG/);
  });

  test('keeps the login of docker below RUNNER_TEMP, beside those that were there', { skip: noDocker }, async () => {
    const folder = await mkdtemp('/tmp/dockpass-');
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const engine = await startDockerEngine(join(folder, 'engine'));
    stack.defer(() => engine.stop());
    const before = join(folder, 'before');
    await mkdir(before);
    await writeFile(join(before, 'config.json'), '{"auths":{"other.example.com":{"auth":"eDp5"}}}');
    const docker = (...words: string[]) =>
      runProgram('docker', ['--config', before, 'context', ...words], { env: { PATH: process.env['PATH'] ?? '' } });
    await docker('create', 'rootless', '--docker', `host=${engine.host}`);
    assert.equal((await docker('use', 'rootless')).code, 0);
    const environment = { DOCKPASS_CLIENT: 'docker', DOCKPASS_CLIENT_OPTIONS: '' };
    const { code, output, variables } = await runAction({ ...environment, DOCKER_CONFIG: before });
    assert.equal(code, 0, output);
    const [, config = '', runnerTemp = ''] = /^DOCKER_CONFIG=((.+)\/dockpass\.\w+)$/m.exec(variables) ?? [];
    assert.match(runnerTemp, /dockpass-runner-/);
    const { auths } = JSON.parse(await readFile(join(config, 'config.json'), 'utf8')) as {
      auths: Record<string, { auth: string }>;
    };
    assert.deepEqual(Object.keys(auths).sort(), [registry, 'other.example.com'].sort());
    assert.match(Buffer.from(auths[registry]?.auth ?? '', 'base64').toString(), /^oidc:dkc_/);
    assert.doesNotMatch(await readFile(join(before, 'config.json'), 'utf8'), /localhost/);
  });

  test('without the permission to get a token says which one it needs', async () => {
    const { code, output } = await runAction({ ACTIONS_ID_TOKEN_REQUEST_URL: '' });
    assert.notEqual(code, 0);
    assert.match(output, /::error::.*id-token: write/);
  });

  test('that no rule lets in says so, and logs nothing in', async () => {
    const { code, output, variables } = await runAction({ DOCKPASS_AUDIENCE: 'https://other.example.com' });
    assert.notEqual(code, 0);
    assert.match(output, /::error::Dockpass refuses this job: .*audience/);
    assert.equal(variables, '');
  });

  test('prints the whole reason, and what to do where there is none', async () => {
    let refusal = '';
    const fake = createServer(({ method }, response) => {
      const known = { audience: own, token_endpoint: `${own}/oauth/token` };
      response.end(method === 'POST' ? refusal : JSON.stringify(known));
    });
    fake.listen(0, '127.0.0.1');
    await once(fake, 'listening');
    const own = `http://127.0.0.1:${(fake.address() as AddressInfo).port}`;
    const ofComponent = { PATH: process.env['PATH'] ?? '', DOCKPASS_URL: own, DOCKPASS_REGISTRY: registry };
    const runs = [
      () => runAction({ DOCKPASS_URL: own }),
      async () =>
        runProgram('sh', ['-euc', await componentScript()], {
          env: { ...ofComponent, DOCKPASS_CLIENT: 'podman', DOCKPASS_ID_TOKEN: 'x' },
        }),
    ];
    const reason = 'the keys of the issuer "ci" could not be fetched just now; try again';
    try {
      for (const run of runs) {
        refusal = JSON.stringify({ error: 'temporarily_unavailable', error_description: reason });
        assert.ok((await run()).output.includes(`Dockpass refuses this job: ${reason}\n`));
        refusal = '<html>Bad Gateway</html>';
        const { code, output } = await run();
        assert.notEqual(code, 0);
        assert.match(output, /Dockpass refuses this job: it gives no reason, so ask http/);
      }
    } finally {
      fake.close();
    }
  });

  for (const [what, known] of [
    ['audience', { audience: 'https://victim.example.com', token_endpoint: 'OWN/oauth/token' }],
    ['token endpoint', { audience: 'OWN', token_endpoint: 'https://victim.example.com/oauth/token' }],
    ['host that only begins alike', { audience: 'OWN', token_endpoint: 'OWN.evil.example.com/oauth/token' }],
  ] as const) {
    test(`sends no token anywhere where the configured host names another ${what}`, async () => {
      const evil = createServer(
        (_request, response) => void response.end(JSON.stringify(known).replaceAll('OWN', own)),
      );
      evil.listen(0, '127.0.0.1');
      await once(evil, 'listening');
      const own = `http://127.0.0.1:${(evil.address() as AddressInfo).port}`;
      const before = asked.length;
      try {
        const { code, output } = await runAction({ DOCKPASS_URL: own });
        assert.notEqual(code, 0);
        assert.match(output, /::error::.*which is not its own/);
        assert.equal(asked.length, before);
      } finally {
        evil.close();
      }
    });
  }

  test('refuses an address over http that is not on this machine', async () => {
    const { code, output } = await runAction({ DOCKPASS_URL: 'http://auth.example.com' });
    assert.notEqual(code, 0);
    assert.match(output, /must begin with https/);
  });

  test('of GitLab logs a real client in with the component', async () => {
    const env = {
      ...{ PATH: process.env['PATH'] ?? '', HOME: installation.folder },
      ...{ DOCKPASS_URL: publicUrl, DOCKPASS_REGISTRY: registry, DOCKPASS_CLIENT: 'podman' },
      DOCKPASS_CLIENT_OPTIONS: '--tls-verify=false',
      DOCKPASS_ID_TOKEN: await issuer.sign({ aud: publicUrl, sub: 'repo:acme/web' }),
    };
    const run = await runProgram('sh', ['-euc', await componentScript()], { env });
    assert.equal(run.code, 0, run.output);
    assert.match(run.output, /Login Succeeded/);
    const refused = await runProgram('sh', ['-euc', await componentScript()], {
      env: { ...env, DOCKPASS_ID_TOKEN: await issuer.sign({ aud: publicUrl, sub: 'repo:other/web' }) },
    });
    assert.notEqual(refused.code, 0);
    assert.match(refused.output, /Dockpass refuses this job/);
  });
});
