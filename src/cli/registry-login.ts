/** Owns what `dockpass login` does with docker and podman: who is logged in, and handing them a password. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../config/settings.ts';
import { fieldsIn, parseFields } from '../lib/json.ts';
import type { Terminal } from './command.ts';

const tools = ['docker', 'podman'] as const;
type Tool = (typeof tools)[number];

export type Login = {
  readonly username: string;
  readonly password: string;
  readonly registry: string;
  /** Whether the person said who they are, so that no one has to ask before another login is replaced. */
  readonly isExpected: boolean;
};

type Result = 'done' | 'failed' | 'left' | 'not-installed';

/** Whether docker or podman is installed. */
export async function hasTool(): Promise<boolean> {
  const found = await Promise.all(tools.map((tool) => run(tool, ['--version'], '')));
  return found.some(({ code }) => code !== null);
}

/** One after another: both can have a question. */
export async function logInTools(login: Login, terminal: Terminal): Promise<readonly Result[]> {
  const docker = await logIn('docker', login, terminal);
  const podman = await logIn('podman', login, terminal, docker === 'done');
  return [docker, podman];
}

/** @param hasDocker whether docker was just logged in */
async function logIn(tool: Tool, login: Login, terminal: Terminal, hasDocker = false): Promise<Result> {
  const { username, registry } = login;
  const before = await loggedInAs(tool, registry, terminal.environment);
  if (before !== null && before !== username && !(await mayReplace(tool, before, login, terminal))) {
    terminal.err(`${tool} was left as it is.`);
    return 'left';
  }
  const first = await runLogin(tool, login);
  const isBlocked = tool === 'podman' && first.code !== 0 && /identity token/i.test(first.stderr);
  const { code, stderr } = isBlocked ? await logInPodman(login, terminal.environment, hasDocker, first) : first;
  if (code === null) return 'not-installed';
  if (code === 0) terminal.out(`${tool} is logged in to ${registry}.`);
  else terminal.err(`${tool} login failed: ${stderr.trim().slice(0, 500)}`);
  return code === 0 ? 'done' : 'failed';
}

type Ended = Awaited<ReturnType<typeof run>>;

function runLogin(tool: Tool, { username, password, registry }: Login, changes: Environment = {}): Promise<Ended> {
  // On standard input: arguments can be read by everyone on this machine.
  return run(tool, ['login', '--username', username, '--password-stdin', registry], password, changes);
}

/**
 * podman refuses to log in where docker keeps an identity token for the registry (containers/common, auth.go Login). Where both
 * have one file, docker's login is that of both.
 */
async function logInPodman(login: Login, environment: Environment, hasDocker: boolean, first: Ended): Promise<Ended> {
  const file = podmanFileOf(environment);
  if (file === dockerFileOf(environment)) return hasDocker ? { ...first, code: 0 } : first;
  const withoutDocker = await mkdtemp(join(tmpdir(), 'dockpass-login-'));
  try {
    return await runLogin('podman', login, { REGISTRY_AUTH_FILE: file, DOCKER_CONFIG: withoutDocker });
  } finally {
    await rm(withoutDocker, { recursive: true });
  }
}

async function mayReplace(tool: Tool, before: string, login: Login, terminal: Terminal): Promise<boolean> {
  const question = `${tool} is logged in to ${login.registry} as ${before}. Replace that with ${login.username}?`;
  if (terminal.ask !== undefined) return /^y/i.test((await terminal.ask(`${question} (y/n)`, {})) ?? '');
  if (!login.isExpected) terminal.err(`${question} There is no terminal to ask on: give your e-mail address as EMAIL.`);
  return login.isExpected;
}

/** @returns `null` where no one is, or no one can say */
async function loggedInAs(tool: Tool, registry: string, environment: Environment): Promise<string | null> {
  const name = tool === 'podman' ? await userOfPodman(registry) : await userOfDocker(registry, environment);
  // Docker's word for an identity token, which doesn't say whose it is.
  return name === null || name === '' || name === '<token>' ? null : name;
}

/** It reads several files, and which ones depends on its version. */
async function userOfPodman(registry: string): Promise<string | null> {
  const { code, stdout } = await run('podman', ['login', '--get-login', registry], '');
  return code === 0 ? stdout.trim() : null;
}

async function userOfDocker(registry: string, environment: Environment): Promise<string | null> {
  const config = parseFields(await readFile(dockerFileOf(environment), 'utf8').catch(() => ''));
  const keeper = fieldsIn(config['credHelpers'])[registry] ?? config['credsStore'];
  return typeof keeper === 'string' ? userOfHelper(keeper, registry) : userOfEntry(config, registry);
}

/** An empty variable is none to docker and podman. */
function dockerFileOf({ HOME, DOCKER_CONFIG }: Environment): string {
  return join(DOCKER_CONFIG || join(HOME || homedir(), '.docker'), 'config.json');
}

/** Where podman keeps a login: with DOCKER_CONFIG, in the file of docker (containers/common, auth.go GetDefaultAuthFile). */
function podmanFileOf(environment: Environment): string {
  const { HOME, DOCKER_CONFIG, REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, XDG_CONFIG_HOME } = environment;
  const config = join(HOME || homedir(), '.config');
  if (REGISTRY_AUTH_FILE) return REGISTRY_AUTH_FILE;
  if (DOCKER_CONFIG) return dockerFileOf(environment);
  if (process.platform !== 'linux') return join(config, 'containers', 'auth.json');
  if (XDG_RUNTIME_DIR) return join(XDG_RUNTIME_DIR, 'containers', 'auth.json');
  if (process.getuid?.() === 0) return '/run/containers/0/auth.json';
  return join(XDG_CONFIG_HOME || config, 'containers', 'auth.json'); // which every podman reads
}

function userOfEntry(config: Readonly<Record<string, unknown>>, registry: string): string | null {
  const { auth } = fieldsIn(fieldsIn(config['auths'])[registry]);
  return typeof auth === 'string' ? (Buffer.from(auth, 'base64').toString().split(':')[0] ?? null) : null;
}

async function userOfHelper(keeper: string, registry: string): Promise<string | null> {
  if (!/^[\w.-]+$/.test(keeper)) return null;
  const { code, stdout } = await run(`docker-credential-${keeper}`, ['get'], `${registry}\n`);
  const { Username: name } = code === 0 ? parseFields(stdout) : {};
  return typeof name === 'string' ? name : null;
}

/** `code` is `null` where it isn't installed. */
async function run(program: string, args: readonly string[], input: string, changes: Environment = {}) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...changes } });
  const [said, failed]: [string[], string[]] = [[], []];
  child.stdout.setEncoding('utf8').on('data', (text: string) => said.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => failed.push(text));
  child.stdin.on('error', () => {}); // it can end without reading
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve) =>
    child.once('close', (ended) => resolve(ended ?? 1)).once('error', () => resolve(null)),
  );
  return { code, stdout: said.join(''), stderr: failed.join('') };
}
