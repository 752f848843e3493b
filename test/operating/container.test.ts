/** Dockerfile and compose.yaml as far as they can be proved without base images: the steps run in an empty folder, the settings fit each other. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { readConfig } from '../../src/config/config.ts';
import { policy } from '../support/installation.ts';
import { findProgram, missing } from '../support/parts.ts';
import { runProgram, startProgram } from '../support/process.ts';

type Instruction = { readonly name: string; readonly text: string };

const instructions = parseDockerfile(readFileSync('Dockerfile', 'utf8'));
/** Those of the image itself, after the stage that fetches the packages. */
const last = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'));
const environment = settingsOf(last.flatMap(({ name, text }) => (name === 'ENV' ? [text] : [])).join(' '));

/** Of an ENV instruction: "A=1 B=2". */
function settingsOf(text: string): Record<string, string> {
  return Object.fromEntries(text.split(/\s+/).map((pair) => pair.split('='))) as Record<string, string>;
}

function parseDockerfile(text: string): Instruction[] {
  const lines = text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n');
  return lines
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
      return { name, text: rest };
    });
}

function textOf(name: string): string {
  return last.find((instruction) => instruction.name === name)?.text ?? '';
}

test('the builder is sent what the Dockerfile copies, and nothing else', () => {
  const lines = readFileSync('.dockerignore', 'utf8').split('\n');
  const sent = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  const copied = instructions
    .filter(({ name, text }) => name === 'COPY' && !text.startsWith('--from'))
    .flatMap(({ text }) => text.split(/\s+/).slice(0, -1));
  assert.deepEqual([...new Set(copied)].sort(), sent.sort());
  assert.equal(
    lines.find((line) => !/^(#|$)/.test(line)),
    '*',
  );
});

describe('the steps of the Dockerfile, in an empty folder', { skip: missing('root', 'npm', 'setpriv') }, () => {
  let root: string;
  /** A path of the image, or a text with such paths, as it is in the folder that stands for the image. */
  const inside = (text: string): string => text.replaceAll(/(?<![\w./-])\/(opt|data|certs|usr|etc)\b/g, `${root}/$1`);
  const inImage = (): Record<string, string> => ({
    ...Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, inside(value)])),
    PATH: `${inside('/usr/local/bin')}:/usr/bin:/bin`,
    PUBLIC_URL: 'http://localhost:5001/dockpass',
    SERVICES: 'registry.example.com',
    PORT: '0',
  });
  /** As the container runs: another user, who can gain nothing and write only where volumes are. */
  const contained = (command: readonly string[]): string[] => {
    const [uid = '', gid = ''] = textOf('USER').split(':');
    const limits = ['--clear-groups', '--no-new-privs', '--bounding-set', '-all', '--inh-caps', '-all'];
    return [`--reuid=${uid}`, `--regid=${gid}`, ...limits, ...command];
  };

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'dockpass-image-'));
    chmodSync(root, 0o755);
    // What the base image brings.
    mkdirSync(inside('/usr/local/bin'), { recursive: true });
    copyFileSync(process.execPath, inside('/usr/local/bin/node'));
    mkdirSync(inside('/etc/dockpass'), { recursive: true });
    writeFileSync(inside('/etc/dockpass/policy.yml'), policy);
    let folder = root;
    const env: NodeJS.ProcessEnv = { ...process.env, PATH: `${inside('/usr/local/bin')}:${process.env['PATH']}` };
    for (const { name, text } of instructions) {
      if (name === 'WORKDIR') folder = inside(text);
      mkdirSync(folder, { recursive: true });
      if (name === 'ENV') Object.assign(env, settingsOf(inside(text)));
      if (name === 'COPY') copy(text, folder);
      if (name === 'RUN') {
        const { code, output } = await runProgram('sh', ['-c', inside(text)], { cwd: folder, env });
        assert.equal(code, 0, `RUN ${text}\n${output}`);
      }
    }
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  /** Both stages have one folder here, so that what one copies from the other is there already. */
  const copy = (text: string, folder: string): void => {
    if (text.startsWith('--from')) return;
    const names = text.split(/\s+/);
    const target = names.pop() ?? '';
    for (const name of names) {
      const to = target.endsWith('/') ? join(folder, target, name) : join(folder, target);
      mkdirSync(dirname(to), { recursive: true });
      cpSync(name, to, { recursive: true });
    }
  };

  test('it serves as that user, is healthy, writes to its volumes alone, and stops on SIGTERM', async () => {
    const command = [...JSON.parse(textOf('ENTRYPOINT')), ...JSON.parse(textOf('CMD'))] as string[];
    const [cwd, env] = [inside('/opt/dockpass'), inImage()];
    const setpriv = findProgram('setpriv') ?? 'setpriv';
    const server = await startProgram(setpriv, contained(command), { cwd, env, ready: /"listening"/ });
    try {
      const port = /"url":"http:\/\/0\.0\.0\.0:(\d+)"/.exec(server.output())?.[1] ?? '';
      const check = JSON.parse(textOf('HEALTHCHECK').replace(/^.*\bCMD /, '')) as string[];
      const health = await runProgram(setpriv, contained(check), { cwd, env: { ...env, PORT: port } });
      assert.deepEqual([health.code, health.stdout], [0, '{"status":"ok"}\n'], health.output);
      assert.match(readFileSync(inside('/certs/dockpass.pem'), 'utf8'), /BEGIN CERTIFICATE/);
      const page = await fetch(`http://127.0.0.1:${port}/dockpass/sign-in`);
      assert.equal(page.status, 200);
      const written = await runProgram('find', [root, '-user', '1000', '-type', 'f']);
      const elsewhere = written.stdout
        .split('\n')
        .filter((file) => !/^$|\/(data|certs)\//.test(file.slice(root.length)));
      assert.deepEqual(elsewhere, []);
    } finally {
      await server.stop();
    }
    assert.match(server.output(), /"stopping"/);
  });
  test('there are no packages of development in it', async () => {
    const { code } = await runProgram('ls', [inside('/opt/dockpass/node_modules/typescript')]);
    assert.notEqual(code, 0);
  });
});

type Compose = {
  readonly services: Record<
    'dockpass' | 'registry' | 'images-owner',
    Record<string, unknown> & { environment: Record<string, string> }
  >;
};

describe('compose.yaml', () => {
  const values: Record<string, string> = {
    PUBLIC_URL: 'https://auth.example.com',
    REGISTRY_HOST: 'registry.example.com',
    TOKEN_ISSUER: 'auth.example.com',
    GOOGLE_CLIENT_ID: 'x',
    GOOGLE_DOMAINS: 'example.com',
  };
  const text = readFileSync('compose.yaml', 'utf8');
  const filled = text.replaceAll(/\$\{(\w+)(:\?[^}]*)?\}/g, (_, name: string) => values[name] ?? assert.fail(name));
  const { services } = parse(filled, { merge: true }) as Compose;

  test('its first lines name every setting that it asks for', () => {
    const asked = [...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name);
    const named = [...text.matchAll(/^# {3}(\w+)=/gm)].map(([, name]) => name);
    assert.deepEqual([...new Set(asked)].sort(), named.sort());
  });
  test('Dockpass can start with its settings, and the registry has the ones that the doctor would print', () => {
    const { GOOGLE_CLIENT_SECRET_FILE, ...settings } = services.dockpass.environment;
    assert.equal(GOOGLE_CLIENT_SECRET_FILE, '/run/secrets/google_client_secret');
    const config = readConfig({ ...environment, ...settings, GOOGLE_CLIENT_SECRET: 'x' });
    const [service] = config.services;
    const registry = services.registry.environment;
    assert.deepEqual(
      ['REALM', 'SERVICE', 'ISSUER', 'ROOTCERTBUNDLE'].map((name) => registry[`REGISTRY_AUTH_TOKEN_${name}`]),
      [`${config.publicUrl.origin}/auth`, service?.name, service?.issuer, config.keyRings[0]?.bundleFile],
    );
    assert.deepEqual(services.registry['depends_on'], {
      dockpass: { condition: 'service_healthy' },
      'images-owner': { condition: 'service_completed_successfully' },
    });
  });
  test('neither container can write to itself, gain anything, or be reached from elsewhere', () => {
    for (const service of Object.values(services)) {
      assert.equal(service['read_only'], true);
      assert.deepEqual(service['cap_drop'], ['ALL']);
      assert.deepEqual(service['security_opt'], ['no-new-privileges:true']);
      for (const port of (service['ports'] ?? []) as string[]) assert.match(port, /^127\.0\.0\.1:/);
    }
    assert.equal(services.registry['user'], '1000:1000');
  });
  test('the policy is mounted as a folder, so that a file that takes its place is seen', () => {
    const file = environment['POLICY_FILE'] ?? '';
    assert.ok((services.dockpass['volumes'] as string[]).includes(`./policy:${dirname(file)}:ro`));
  });
  test('Docker Compose takes it', { skip: composeOf() === null && 'no Docker Compose here' }, async () => {
    const [program = '', ...words] = composeOf() ?? [];
    const env = { ...process.env, ...values };
    const { code, output } = await runProgram(program, [...words, '-f', 'compose.yaml', 'config', '-q'], { env });
    assert.equal(code, 0, output);
  });
});

/** The plug-in of today or the program of before, where one is installed: Debian 12 has the program alone. */
function composeOf(): string[] | null {
  if (findProgram('docker-compose') !== null) return ['docker-compose'];
  const folders = ['/usr/libexec', '/usr/lib', '/usr/local/lib'];
  const installed = folders.some((folder) => existsSync(`${folder}/docker/cli-plugins/docker-compose`));
  return installed ? ['docker', 'compose'] : null;
}
