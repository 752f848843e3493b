/** Owns `dockpass login`: docker and podman are logged in through the browser of this machine (RFC 8252), or another (RFC 8628). */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { printable } from '../http/printable.ts';
import { errorCode, errorMessage, Refusal } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import { type Command, type Terminal, UsageError, type Values } from './command.ts';
import { canHaveBrowser, openBrowser } from './open-browser.ts';
import { reply } from './output.ts';
import { hasTool, logInTools } from './registry-login.ts';

const client = 'dockpass-cli';
const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code';
const waiting = ['authorization_pending', 'temporarily_unavailable', 'server_error'];

export const loginCommands: readonly Command[] = [
  {
    name: 'login',
    usage: '[EMAIL] --server URL [--registry HOST] [--headless] [--json]',
    summary: 'Log docker and podman in to a registry with your browser',
    details: ["With EMAIL, no one else's approval counts. It asks before it replaces the login of another account."],
    options: {
      server: { type: 'string', value: 'URL', help: 'of Dockpass (default: PUBLIC_URL)' },
      registry: { type: 'string', value: 'HOST', help: 'which registry, if this Dockpass has several' },
      headless: {
        type: 'boolean',
        help: 'show a code for a browser elsewhere; the default if none opens here within five seconds',
      },
    },
    json: {
      fields: {
        username: 'who is signed in',
        registry: 'where docker and podman are logged in',
        tools: 'docker and podman: done, failed, left (as another account) or not-installed',
      },
    },
    operands: [0, 1],
    isConversation: true,
    run: ([email], values, terminal) => login(email ?? null, values, terminal),
  },
];

/** What Dockpass gave. */
type Given = { readonly username: string; readonly password: string; readonly registry: string };

async function login(email: string | null, values: Values, terminal: Terminal): Promise<number> {
  const base = serverOf(values, terminal);
  // Before anyone approves a password that nothing would get.
  if (!(await hasTool()))
    throw new Refusal(
      'not_found',
      'Neither docker nor podman is installed here. Install one and run the command again.',
    );
  const isHeadless = values['headless'] === true || !canHaveBrowser(terminal.environment);
  const given =
    (isHeadless ? null : await throughBrowser(base, values, terminal)) ?? (await throughCode(base, values, terminal));
  const { username, registry } = given;
  if (email !== null && email.toLowerCase() !== username.toLowerCase()) {
    const message = `It was approved by ${username}, not by ${email}: nothing was logged in. Revoke it at ${base}`;
    throw new Refusal('denied', message);
  }
  const say = (line: string) => {
    if (values['json'] !== true && values['quiet'] !== true) terminal.out(line);
  };
  say(`Signed in as ${username}.`);
  const results = await logInTools({ ...given, isExpected: email !== null }, { ...terminal, out: say });
  reply(terminal, values, { username, registry, tools: { docker: results[0], podman: results[1] } }, []);
  return results.includes('failed') || results.includes('left') ? 1 : 0;
}

/** RFC 8252. @returns `null` where no browser opens */
async function throughBrowser(base: URL, values: Values, terminal: Terminal): Promise<Given | null> {
  const listener = await listenForCallback();
  try {
    const verifier = randomBytes(32).toString('base64url');
    const page = pageUrl(base, values, { verifier, redirectUri: listener.redirectUri, state: listener.state });
    terminal.err(`Approve in the browser that opens (or run this again with --headless): ${page}`);
    const isOpen = await Promise.race([openBrowser(page, terminal.environment), listener.code.then(() => true)]);
    if (!isOpen) {
      terminal.err('No browser opens here.');
      return null;
    }
    const code = await listener.code;
    const form = { grant_type: 'authorization_code', code, redirect_uri: listener.redirectUri };
    return givenIn(base, await post(base, 'oauth/token', { ...form, code_verifier: verifier }));
  } finally {
    listener.close();
  }
}

/** RFC 8628: for a machine without a browser. */
async function throughCode(base: URL, values: Values, terminal: Terminal): Promise<Given> {
  const { registry } = values;
  const start = await post(base, 'oauth/device', {
    ...{ purpose: 'login', machine: hostname() },
    ...(typeof registry === 'string' && { registry }),
  });
  if (start instanceof NoAnswer) throw unreachable(start);
  const { device_code: code, user_code: typed, verification_uri: page, interval, expires_in: lifetime } = start;
  if (typeof code !== 'string' || typeof typed !== 'string' || typeof page !== 'string')
    throw notUnderstood(base, start);
  terminal.err(
    `\n  Open   ${printable(page, 500)}\n  Type   ${printable(typed, 20)}\n\nWaiting for your approval (Ctrl+C gives up) ...`,
  );
  const ends = Date.now() + Number(lifetime) * 1000;
  for (let seconds = Number(interval); Date.now() < ends; ) {
    await setTimeout(seconds * 1000);
    const answer = await post(base, 'oauth/token', { grant_type: deviceCodeGrant, device_code: code });
    // An answer that was lost is given once more for a minute.
    if (answer instanceof NoAnswer) continue;
    const { error } = answer;
    if (error === 'slow_down') seconds += 5;
    else if (!waiting.includes(String(error))) return givenIn(base, answer);
  }
  throw new Refusal('denied', 'The code has expired. Run the command again.');
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
    // Anyone on this machine can send something here that is no address.
    const address = URL.parse(request.url ?? '/', 'http://127.0.0.1');
    const isOurs = address?.pathname === '/callback' && address.searchParams.get('state') === state;
    response.writeHead(isOurs ? 200 : 404, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
    response.end(isOurs ? 'Go back to your terminal. You can close this page.' : 'Nothing is here.');
    if (!isOurs) return;
    const found = address.searchParams.get('code');
    if (found !== null) resolve(found);
    else
      reject(
        new Refusal(
          'denied',
          'It was refused in the browser. Run the command again, and approve it if you started it.',
        ),
      );
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

type Answer = Readonly<Record<string, unknown>>;

/** Why there is no answer: another try can have one. */
class NoAnswer extends Error {}

async function post(base: URL, path: string, form: Record<string, string>): Promise<Answer | NoAnswer> {
  const body = new URLSearchParams({ ...form, client_id: client });
  try {
    const response = await fetch(new URL(path, base), { method: 'POST', redirect: 'error', body });
    if (response.status >= 500) return new NoAnswer(`${base.href} answers with status ${response.status}.`);
    return fieldsIn(await response.json().catch(() => null));
  } catch (cause) {
    // fetch hides what went wrong behind "fetch failed".
    const reason = cause instanceof Error ? (cause.cause ?? cause) : cause;
    const why = errorCode(reason) || errorMessage(reason);
    return new NoAnswer(`${base.href} does not answer (${why}).`, { cause });
  }
}

/** @throws {Refusal} that says why nothing was given */
function givenIn(base: URL, answer: Answer | NoAnswer): Given {
  if (answer instanceof NoAnswer) throw unreachable(answer);
  const { username, access_token: password, registry } = answer;
  if (typeof username === 'string' && typeof password === 'string' && typeof registry === 'string') {
    return { username: printable(username, 320), password, registry: printable(registry, 260) };
  }
  throw notUnderstood(base, answer);
}

function unreachable(noAnswer: NoAnswer): Refusal {
  return new Refusal('bad_gateway', noAnswer.message, { cause: noAnswer.cause });
}

function notUnderstood(base: URL, answer: Answer): Refusal {
  const why = answer['error_description'];
  const text = typeof why === 'string' ? printable(why, 500) : `${base.href} gave an unexpected answer.`;
  return new Refusal('bad_gateway', text);
}
