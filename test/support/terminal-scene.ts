/** Owns terminals for tests: Dockpass and a registry, a home folder with the scripts that Dockpass serves, and people who approve. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openStore } from '../../src/store/open.ts';
import { createInstallation, type Installation, type Server } from './installation.ts';
import { findProgram } from './parts.ts';
import { freePorts } from './ports.ts';
import { type Finished, runProgram, startProgram } from './process.ts';
import { type RegistrySettings, startRegistry } from './registry.ts';
import { writeSession } from './walk.ts';

export const ana = 'ana@example.com';
export const bo = 'bo@example.com';
const sessionSecret = 's'.repeat(32);
const scripts = ['login.sh', 'docker-credential-dockpass'] as const;

/** Every program that a script calls: each call is noted with its arguments, which anyone on a machine can read. */
const called =
  'printf echo sed tr cat curl cut head tail grep mktemp mv rm ls docker podman base64 awk date sleep uname ln readlink sort cp dirname id mkdir'.split(
    ' ',
  );

export type TerminalScene = {
  readonly installation: Installation;
  readonly service: Server;
  readonly publicUrl: string;
  /** `localhost:PORT` */
  readonly registry: string;
  /** A machine of its own: a home folder with the scripts. @param url what the scripts call, where it isn't Dockpass itself */
  machine(url?: string): Promise<Machine>;
  /** Posts a form as someone who is signed in in a browser. */
  post(path: string, fields: Record<string, string>, as?: string): Promise<Response>;
  /** A cookie of someone who signed in. @param minutesAgo when that was */
  cookieOf(login: string, minutesAgo?: number): Promise<string>;
  /** Finds the code and decides, as a person in a browser. @returns the page that showed what it asks for */
  decide(code: string, decision?: 'approve' | 'refuse', as?: string): Promise<string>;
};

export type Machine = {
  readonly home: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Starts a script and waits until it shows its code. */
  start(words: readonly string[]): Promise<{ readonly code: string; readonly ended: Promise<string> }>;
  /** Starts a script, decides about its code, lets it end. @returns what it printed */
  signIn(words: readonly string[], decision?: 'approve' | 'refuse', as?: string): Promise<string>;
  /** Runs the helper as docker does. @param shell the words of a shell */
  helper(args: readonly string[], input?: string, shell?: string): Promise<Finished>;
  run(program: string, args: readonly string[], input?: string): Promise<Finished>;
  /** Where the helper keeps what it has of this Dockpass. */
  readonly kept: string;
  /** The calls of programs so far, a line each. */
  calls(): string;
};

/** @param settings of Dockpass; @param registries changes of the registry's */
export async function startTerminalScene(
  stack: AsyncDisposableStack,
  { settings = {}, registryChanges = {}, policy }: SceneOptions = {},
): Promise<TerminalScene> {
  const [port = 0, registryPort = 0] = await freePorts(2);
  const registry = `localhost:${registryPort}`;
  const publicUrl = `http://localhost:${port}`;
  const installation = createInstallation();
  stack.defer(() => installation.remove());
  if (policy !== undefined) writeFileSync(join(installation.folder, 'policy.yml'), policy);
  const own = { PUBLIC_URL: publicUrl, PORT: String(port), SERVICES: registry, SESSION_SECRET: sessionSecret };
  Object.assign(installation.environment, { ...own, ...settings });
  await installation.run(['migrate']);
  await installation.addPerson(ana);
  await installation.addPerson(bo);
  const service = await installation.serve();
  stack.defer(() => service.stop());
  const running = await startRegistry({
    ...{ folder: join(installation.folder, 'registry'), port: registryPort, service: registry },
    ...{ realm: `${publicUrl}/auth`, issuer: new URL(publicUrl).host },
    certificateBundleFile: join(installation.folder, 'data', 'registry-bundle.pem'),
    ...registryChanges,
  });
  stack.defer(() => running.stop());

  const cookieOf = async (login: string, minutesAgo = 0): Promise<string> => {
    const store = await openStore(`sqlite:${join(installation.folder, 'data', 'dockpass.db')}`, () => {});
    const cookie = await writeSession(store, sessionSecret, `account-${login}`, Date.now() - minutesAgo * 60_000);
    await store.close();
    return cookie;
  };
  const cookies = new Map<string, string>();
  const post: TerminalScene['post'] = async (path, fields, as = ana) => {
    const cookie = cookies.get(as) ?? (await cookieOf(as));
    cookies.set(as, cookie);
    const headers = { cookie, origin: publicUrl };
    return fetch(service.url + path, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams(fields),
      headers,
    });
  };
  const decide: TerminalScene['decide'] = async (code, decision = 'approve', as = ana) => {
    const page = await (await post('/terminal', { code }, as)).text();
    const { status } = await post('/terminal/decide', { code, decision, access: 'full', repositories: '' }, as);
    if (status !== 200) throw new Error(`the decision was answered with ${status}`);
    return page;
  };
  return {
    ...{ installation, service, publicUrl, registry, post, cookieOf, decide },
    async machine(url) {
      const home = await mkdtemp('/tmp/dockpass-home-');
      stack.defer(() => rm(home, { recursive: true, force: true }));
      return createMachine(home, { publicUrl, registry, decide, url });
    },
  };
}

export type SceneOptions = {
  readonly settings?: Readonly<Record<string, string>>;
  readonly registryChanges?: Partial<RegistrySettings>;
  readonly policy?: string;
};

async function createMachine(
  home: string,
  {
    publicUrl,
    registry,
    decide,
    url,
  }: Pick<TerminalScene, 'publicUrl' | 'registry' | 'decide'> & { url?: string | undefined },
): Promise<Machine> {
  const [bin, log] = [join(home, 'bin'), join(home, 'calls')];
  mkdirSync(bin);
  for (const name of scripts) {
    const script = await (await fetch(`${publicUrl}/cli/${name}`, { headers: { host: 'evil.example' } })).text();
    writeFileSync(join(bin, name), url === undefined ? script : script.replaceAll(publicUrl, url), { mode: 0o700 });
  }
  writeWrappers(join(home, 'tools'), log);
  writeFileSync(join(home, 'registries.conf'), `[[registry]]\nlocation = "${registry}"\ninsecure = true\n`);
  const environment = {
    ...{ PATH: `${bin}:${join(home, 'tools')}:${process.env['PATH'] ?? ''}`, HOME: home },
    ...{ DOCKER_CONFIG: join(home, '.docker'), REGISTRY_AUTH_FILE: join(home, 'auth.json') },
    CONTAINERS_REGISTRIES_CONF: join(home, 'registries.conf'),
  };
  const run = (program: string, args: readonly string[], input = '') =>
    runProgram(program, args, { input, env: environment });
  const start: Machine['start'] = async ([program = '', ...args]) => {
    const script = await startProgram(program, args, { ready: /Type {3}[A-Z]{4}-[A-Z]{4}/, env: environment });
    const [, code = ''] = /Type {3}([A-Z]{4}-[A-Z]{4})/.exec(script.output()) ?? [];
    return { code, ended: script.ended.then(() => script.output()) };
  };
  return {
    ...{ home, environment, run, start },
    kept: join(home, '.config', 'dockpass', new URL(url ?? publicUrl).host.replace(':', '_')),
    async signIn(words, decision = 'approve', as = ana) {
      const { code, ended } = await start(words);
      await decide(code, decision, as);
      return ended;
    },
    helper(args, input = '', shell = 'sh') {
      const [program = '', ...own] = shell.split(' ');
      return run(program, [...own, join(bin, 'docker-credential-dockpass'), ...args], input);
    },
    calls: () => (existsSync(log) ? readFileSync(log, 'utf8') : ''),
  };
}

/** What waits for an approval asks again soon: only the server has to keep the pace. */
function writeWrappers(folder: string, log: string): void {
  mkdirSync(folder);
  for (const name of called) {
    const real = findProgram(name);
    if (real === null) continue;
    const soon = name === 'sleep' ? '[ "$1" = 1 ] || set -- 0.2\n' : '';
    writeFileSync(join(folder, name), `#!/bin/dash\nprintf '%s\\n' "${name} $*" >>${log}\n${soon}exec ${real} "$@"\n`);
    chmodSync(join(folder, name), 0o755);
  }
}

/** Forgets what the tools of a machine are logged in with. */
export function forgetLogins({ home }: Machine): void {
  rmSync(join(home, 'auth.json'), { force: true });
  rmSync(join(home, '.docker'), { recursive: true, force: true });
}
