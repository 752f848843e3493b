/** Owns `dockpass login`: docker and podman are logged in through the browser of this machine (RFC 8252). */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { hostname } from 'node:os';
import { Refusal } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import { type Command, type Terminal, UsageError, type Values } from './command.ts';
import { reply } from './output.ts';

const client = 'dockpass-cli';
const tools = ['docker', 'podman'] as const;

export const loginCommands: readonly Command[] = [
  {
    name: 'login',
    usage: '[EMAIL] --server URL [--registry HOST] [--json]',
    summary: 'Log docker and podman in to a registry with the browser of this machine',
    details: [
      "With EMAIL, nobody else's approval counts. Without a browser here, use the script: curl URL/cli/login.sh",
    ],
    options: {
      server: { type: 'string', value: 'URL', help: 'of Dockpass; default: PUBLIC_URL' },
      registry: { type: 'string', value: 'HOST', help: 'where the Dockpass has several' },
    },
    json: {
      fields: {
        username: 'who is signed in',
        registry: 'where docker and podman are logged in',
        tools: 'docker and podman: done, failed or not-installed',
      },
    },
    operands: [0, 1],
    run: ([email], values, terminal) => login(email ?? null, values, terminal),
  },
];

async function login(email: string | null, values: Values, terminal: Terminal): Promise<number> {
  const base = serverOf(values, terminal);
  const listener = await listenForCallback();
  try {
    const verifier = randomBytes(32).toString('base64url');
    const page = pageUrl(base, values, { verifier, redirectUri: listener.redirectUri, state: listener.state });
    terminal.err(`Open this page and approve: ${page}`);
    openBrowser(page);
    const code = await listener.code;
    const form = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: listener.redirectUri,
      code_verifier: verifier,
    };
    const { username, access_token: password, registry } = await redeem(base, form);
    if (email !== null && email.toLowerCase() !== username.toLowerCase()) {
      throw new Refusal(
        'denied',
        `It was approved by ${username}, not by ${email}: nothing was logged in. Revoke it at ${base}`,
      );
    }
    const say = (line: string) => values['json'] !== true && values['quiet'] !== true && terminal.out(line);
    say(`Signed in as ${username}.`);
    const results = await Promise.all(
      tools.map((tool) => logIn(tool, username, password, registry, { out: say, err: terminal.err })),
    );
    if (!results.includes('not-installed') || results.includes('done')) {
      reply(terminal, values, { username, registry, tools: { docker: results[0], podman: results[1] } }, []);
      return results.includes('failed') ? 1 : 0;
    }
    throw new Refusal('not_found', 'Neither docker nor podman is installed here.');
  } finally {
    listener.close();
  }
}

function serverOf(values: Values, { environment }: Terminal): URL {
  const { server = environment['PUBLIC_URL'] } = values;
  const url = typeof server === 'string' ? URL.parse(server) : null;
  if (url === null) throw new UsageError('--server takes the address of Dockpass, such as https://auth.example.com.');
  return new URL(url.href.replace(/\/*$/, '/'));
}

type Listener = {
  readonly redirectUri: string;
  readonly state: string;
  /** What the browser brings back. @throws {Refusal} where it was refused */
  readonly code: Promise<string>;
  close(): void;
};

async function listenForCallback(): Promise<Listener> {
  const state = randomBytes(16).toString('base64url');
  const { promise: code, resolve, reject } = Promise.withResolvers<string>();
  const server: Server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const isOurs = pathname === '/callback' && searchParams.get('state') === state;
    response.writeHead(isOurs ? 200 : 404, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
    response.end(isOurs ? 'Go back to your terminal. You can close this page.' : 'Nothing is here.');
    if (!isOurs) return;
    const found = searchParams.get('code');
    if (found !== null) resolve(found);
    else reject(new Refusal('denied', 'It was refused in the browser.'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port is listened on');
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { redirectUri: `http://127.0.0.1:${address.port}/callback`, state, code, close };
}

function pageUrl(
  base: URL,
  values: Values,
  { verifier, redirectUri, state }: { verifier: string; redirectUri: string; state: string },
): string {
  const url = new URL('oauth/authorize', base);
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const { registry } = values;
  url.search = new URLSearchParams({
    ...{ response_type: 'code', client_id: client, redirect_uri: redirectUri, state, machine: hostname() },
    ...{ code_challenge: challenge, code_challenge_method: 'S256' },
    ...(typeof registry === 'string' && { registry }),
  }).toString();
  return url.href;
}

async function redeem(base: URL, form: Record<string, string>) {
  const response = await fetch(new URL('oauth/token', base), {
    method: 'POST',
    redirect: 'error',
    body: new URLSearchParams({ ...form, client_id: client }),
  });
  const answer = fieldsIn(await response.json().catch(() => null));
  const { username, access_token, registry, error_description: why } = answer;
  if (typeof username === 'string' && typeof access_token === 'string' && typeof registry === 'string') {
    return { username, access_token, registry };
  }
  throw new Refusal(
    'bad_gateway',
    typeof why === 'string' ? why : `${base.href} gave an answer that is not understood.`,
  );
}

type Said = { readonly out: (line: string) => unknown; readonly err: (line: string) => void };

/** The password goes to the tool on standard input: arguments can be read by everyone on this machine. */
async function logIn(tool: string, username: string, password: string, registry: string, terminal: Said) {
  const child = spawn(tool, ['login', '--username', username, '--password-stdin', registry], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(password);
  const code = await new Promise<number | null>((resolve) =>
    child.once('close', resolve).once('error', () => resolve(-1)),
  );
  if (code === -1) return 'not-installed';
  if (code === 0) terminal.out(`${tool} is logged in to ${registry}.`);
  else terminal.err(`${tool} login failed: ${said.trim().slice(0, 500)}`);
  return code === 0 ? 'done' : 'failed';
}

function openBrowser(url: string): void {
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const isHeadless = process.platform !== 'darwin' && !process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY'];
  if (!isHeadless)
    spawn(opener, [url], { stdio: 'ignore', detached: true })
      .once('error', () => {})
      .unref();
}
