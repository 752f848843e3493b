/**
 * A newcomer's first minutes with "Run it" of the README, in an empty folder: its commands, its policy and its registry block, up to
 * a login at a real registry and the administrators' pages. What differs are the addresses, and a provider that stands in for Google.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { fencedIn } from './support/fenced.ts';
import { missing } from './support/parts.ts';
import { createPassword } from './support/person.ts';
import { freePorts } from './support/ports.ts';
import { runProgram, startProgram } from './support/process.ts';
import { googleSettings, startProvider } from './support/provider.ts';
import { startRegistry } from './support/registry.ts';
import { createSkopeo } from './support/skopeo.ts';
import { createVisitor, signInAs, type Visitor } from './support/visitor.ts';

const readme = readFileSync('README.md', 'utf8');
const runIt = readme.slice(readme.indexOf('\n## Run it'), readme.indexOf('\n## Documentation'));
const partOf = (heading: string) => runIt.slice(runIt.indexOf(`\n### ${heading}`));
const [ana, bo] = ['ana@example.com', 'bo@example.com'];

describe('"Run it" of the README', { skip: missing('docker-registry', 'skopeo') }, () => {
  const stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'dockpass-readme-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  after(() => stack.disposeAsync());
  const skopeo = createSkopeo(folder);
  const bundle = join(folder, 'data', 'registry-bundle.pem');
  let [url, registry, port] = ['', '', 0];
  /** Where the stand-in is, which a real Google doesn't need. */
  let environment: NodeJS.ProcessEnv = {};

  /** With the newcomer's own addresses. */
  const own = (text: string) =>
    text
      .replaceAll('https://auth.example.com', url)
      .replaceAll('auth.example.com', new URL(url).host)
      .replaceAll('https://registry.example.com', `http://${registry}`)
      .replaceAll('registry.example.com', registry)
      .replaceAll('/certs/registry-bundle.pem', bundle)
      .replaceAll('/backups/', `${folder}/backups/`);
  const shell = (command: string, input = '') =>
    runProgram('sh', ['-e', '-c', own(command)], { cwd: folder, env: environment, input });
  /** The command as it stands in the text. */
  const shown = (words: string): string => {
    const command = `./script/dockpass ${words}`;
    assert.ok(runIt.includes(`\`${command}\``), command);
    return command;
  };
  const yamlOf = (part: string) => parse(fencedIn(part).find(({ language }) => language === 'yaml')?.text ?? '');
  let init = '';

  before(async () => {
    const [dockpassPort = 0, registryPort = 0] = await freePorts(2);
    [url, registry, port] = [`http://localhost:${dockpassPort}`, `localhost:${registryPort}`, dockpassPort];
    symlinkSync(resolve('script'), join(folder, 'script'));
    const client = { id: 'dockpass', secret: 'not-a-secret' };
    const callbackUrls = [`${url}/sign-in/google/callback`];
    const provider = await startProvider({ port: 0, clients: [{ ...client, callbackUrls }] });
    stack.defer(() => provider.close());
    const {
      GOOGLE_CLIENT_ID: _,
      GOOGLE_CLIENT_SECRET: __,
      GOOGLE_DOMAINS: ___,
      ...places
    } = googleSettings(provider, client);
    environment = { PATH: process.env['PATH'], PORT: String(port), ...places };
    const answers = [
      ...[`--public-url ${url} --service ${registry} --admin ${ana} --domain example.com`],
      ...[`--google-client-id ${client.id} --client-secret-file -`],
    ];
    const written = await shell(`${shown('init')} ${answers.join(' ')}`, `${client.secret}\n`);
    assert.equal(written.code, 0, written.output);
    init = written.output;
  });

  test('init writes the policy that the README shows, and prints its block for the registry', async () => {
    assert.deepEqual(parse(readFileSync(join(folder, 'policy.yml'), 'utf8')), yamlOf(runIt));
    const printed = parse(init.slice(init.indexOf('\nauth:'), init.indexOf('\n\nNext:')));
    const { rootcertbundle: _, ...block } = yamlOf(own(partOf('Connect your registry'))).auth.token;
    assert.deepEqual(printed.auth.token, { ...printed.auth.token, ...block });
    const checked = await shell(`${shown('policy check policy.yml')} --strict`);
    assert.equal(checked.code, 0, checked.output);
  });

  describe('with a registry', () => {
    const enter = async (email: string): Promise<Visitor> => {
      const visitor = createVisitor();
      const page = await signInAs(visitor, `${url}/sign-in/google`, email);
      assert.equal(page.status, 200, page.body);
      return visitor;
    };
    const login = async (email: string, name = 'Laptop'): Promise<void> => {
      const { secret } = await createPassword(await enter(email), url, { name });
      const { code, output } = await skopeo.login(registry, email, secret ?? '');
      assert.equal(code, 0, output);
    };
    const push = async (repository: string) => skopeo.push(await skopeo.make(), `${registry}/${repository}:1`);

    before(async () => {
      writeFileSync(
        join(folder, 'policy.yml'),
        fencedIn(runIt).find(({ language }) => language === 'yaml')?.text ?? '',
      );
      const options = { cwd: folder, env: environment, ready: /"listening"/ };
      const server = await startProgram('sh', ['-c', `exec ${shown('serve')}`], options);
      stack.defer(() => server.stop());
      assert.doesNotMatch(server.output(), /"level":"warn"/);
      const { auth } = yamlOf(own(partOf('Connect your registry')));
      const where = { folder: join(folder, 'registry'), port: Number(registry.split(':')[1]) };
      const started = await startRegistry({
        ...{ ...where, auth, certificateBundleFile: bundle },
        ...{ realm: auth.token.realm, service: registry, issuer: auth.token.issuer },
      });
      stack.defer(() => started.stop());
    });

    test('the doctor finds nothing wrong', async () => {
      const { code, output } = await shell(shown('doctor https://registry.example.com'));
      assert.equal(code, 0, output);
    });

    test('ana signs in, creates a password, pushes anywhere, and sees the administrators’ pages', async () => {
      await login(ana);
      const pushed = await push('team/app');
      assert.equal(pushed.code, 0, pushed.output);
      const overview = await (await enter(ana)).open(`${url}/admin`);
      assert.deepEqual([overview.status, /<h1>Overview<\/h1>/.test(overview.body)], [200, true]);
    });

    test('bo pulls everything, pushes only below people/bo, and is no administrator', async () => {
      await login(bo);
      assert.equal((await skopeo.pull(`${registry}/team/app:1`)).code, 0);
      assert.equal((await push('people/bo/app')).code, 0);
      assert.match((await push('team/app')).output, /denied/);
      assert.equal((await (await enter(bo)).open(`${url}/admin`)).status, 403);
    });

    test('each command does what it says, and the registry needs no restart for a new key', async () => {
      const [{ text } = { text: '' }] = fencedIn(partOf('Commands'));
      mkdirSync(join(folder, 'backups'));
      const { code, output } = await shell(text);
      assert.equal(code, 0, output);
      await login(ana, 'Desktop');
      const pushed = await push('team/app');
      assert.equal(pushed.code, 0, pushed.output);
    });
  });
});
