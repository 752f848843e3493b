/** Owns what `dockpass login` does with docker and podman: who is logged in, and handing them a password. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../config/settings.ts';
import { fieldsIn } from '../lib/json.ts';
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
  const results: Result[] = [];
  for (const tool of tools) results.push(await logIn(tool, login, terminal));
  return results;
}

async function logIn(tool: Tool, login: Login, terminal: Terminal): Promise<Result> {
  const { username, password, registry } = login;
  const before = await loggedInAs(tool, registry, terminal.environment);
  if (before !== null && before !== username && !(await mayReplace(tool, before, login, terminal))) {
    terminal.err(`${tool} was left as it is.`);
    return 'left';
  }
  // On standard input: arguments can be read by everyone on this machine.
  const args = ['login', '--username', username, '--password-stdin', registry];
  const { code, stderr } = await run(tool, args, password);
  if (code === null) return 'not-installed';
  if (code === 0) terminal.out(`${tool} is logged in to ${registry}.`);
  else terminal.err(`${tool} login failed: ${stderr.trim().slice(0, 500)}`);
  return code === 0 ? 'done' : 'failed';
}

async function mayReplace(tool: Tool, before: string, login: Login, terminal: Terminal): Promise<boolean> {
  const question = `${tool} is logged in to ${login.registry} as ${before}. Replace that with ${login.username}?`;
  if (terminal.ask !== undefined) return /^y/i.test((await terminal.ask(`${question} (y/n)`, {})) ?? '');
  if (!login.isExpected) terminal.err(`${question} There is no terminal to ask on: give your e-mail address as EMAIL.`);
  return login.isExpected;
}

/** @returns `null` where no one is, or no one can say */
async function loggedInAs(tool: Tool, registry: string, environment: Environment): Promise<string | null> {
  const text = await readFile(fileOf(tool, environment), 'utf8').catch(() => '{}');
  const config = fieldsIn(parse(text));
  const keeper = fieldsIn(config['credHelpers'])[registry] ?? config['credsStore'];
  const name = typeof keeper === 'string' ? await userOfHelper(keeper, registry) : userOfEntry(config, registry);
  // Docker's word for an identity token, which doesn't say whose it is.
  return name === null || name === '' || name === '<token>' ? null : name;
}

function fileOf(tool: Tool, environment: Environment): string {
  const { HOME: home = homedir(), DOCKER_CONFIG: docker, REGISTRY_AUTH_FILE: podman } = environment;
  if (tool === 'docker') return join(docker ?? join(home, '.docker'), 'config.json');
  const runtime = environment['XDG_RUNTIME_DIR'] ?? `/run/user/${process.getuid?.() ?? 0}`;
  return podman ?? join(runtime, 'containers', 'auth.json');
}

function userOfEntry(config: Readonly<Record<string, unknown>>, registry: string): string | null {
  const { auth } = fieldsIn(fieldsIn(config['auths'])[registry]);
  return typeof auth === 'string' ? (Buffer.from(auth, 'base64').toString().split(':')[0] ?? null) : null;
}

async function userOfHelper(keeper: string, registry: string): Promise<string | null> {
  if (!/^[\w.-]+$/.test(keeper)) return null;
  const { code, stdout } = await run(`docker-credential-${keeper}`, ['get'], `${registry}\n`);
  const { Username: name } = fieldsIn(code === 0 ? parse(stdout) : null);
  return typeof name === 'string' ? name : null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** `code` is `null` where it isn't installed. */
async function run(program: string, args: readonly string[], input: string) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
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
