/** Owns what every fault happens to: Dockpass with a provider, and a person who is signed in. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createInstallation, type Installation, type Server } from '../test/support/installation.ts';
import { createPassword } from '../test/support/person.ts';
import { freePorts } from '../test/support/ports.ts';
import { type DemoProvider, googleSettings, startProvider } from '../test/support/provider.ts';
import { createVisitor, signInAs, type Visitor } from '../test/support/visitor.ts';

/** Something that goes wrong, and how Dockpass is to take it. */
export type Fault = {
  /** One word, for the command line. */
  readonly name: string;
  readonly what: string;
  /**
   * @param scale 'quick' is for every run of the tests, 'full' for docs/reliability.md
   * @returns what was seen, in words, with figures
   * @throws where Dockpass did not take it as it should, or `Missing` where this machine cannot stage it
   */
  run(scale: 'quick' | 'full', stack: AsyncDisposableStack): Promise<string>;
};

/** This machine has no way to stage the fault. */
export class Missing extends Error {}

export type Scene = {
  readonly installation: Installation;
  readonly provider: DemoProvider;
  /** The public URL, where every start listens. */
  readonly url: string;
  /** It is stopped at the end, however that comes. */
  serve(changes?: Record<string, string>, options?: readonly string[]): Promise<Server>;
  /** A browser in which the person has signed in. */
  signIn(email?: string): Promise<Visitor>;
  /** The same, and the secret of a password that the person has made. */
  signInForPassword(email?: string): Promise<{ readonly visitor: Visitor; readonly secret: string }>;
};

/** Of an installation whose database isn't in its data folder. */
export const secrets = {
  SESSION_SECRET: 's'.repeat(32),
  PASSWORD_PEPPER: 'p'.repeat(32),
  ENCRYPTION_KEYS: 'e'.repeat(43),
};

export const ana = 'ana@example.com';

export async function openScene(stack: AsyncDisposableStack): Promise<Scene> {
  const installation = createInstallation();
  stack.defer(() => installation.remove());
  const [port = 0] = await freePorts(1);
  const url = `http://localhost:${port}`;
  const client = { id: 'dockpass', secret: 'the-secret-of-the-client' };
  const provider = await startProvider({
    port: 0,
    clients: [{ ...client, callbackUrls: [`${url}/sign-in/google/callback`] }],
  });
  stack.defer(() => provider.close());
  const environment = {
    PUBLIC_URL: url,
    PORT: String(port),
    ...googleSettings(provider, client),
  };
  const signIn = async (email = ana): Promise<Visitor> => {
    const visitor = createVisitor();
    const page = await signInAs(visitor, `${url}/sign-in/google`, email);
    if (page.status !== 200) throw new Error(`${email} could not sign in: ${page.status} ${page.body}`);
    return visitor;
  };
  return {
    installation,
    provider,
    url,
    async serve(changes, options) {
      const server = await installation.serve({ ...environment, ...changes }, options);
      stack.defer(() => server.stop());
      return server;
    },
    signIn,
    async signInForPassword(email) {
      const visitor = await signIn(email);
      const { secret, page } = await createPassword(visitor, url);
      if (secret === null) throw new Error(`no password was made: ${page.status} ${page.body}`);
      return { visitor, secret };
    },
  };
}

/**
 * Lets `begin` work for a while, and kills the service meanwhile with `kill -9`. Resolves when both have ended.
 * @param begin works until the service is gone, and fails for any other reason
 * @returns when it was killed, as `performance.now()` says it
 */
export async function killDuring(
  server: Server,
  milliseconds: number,
  begin: (killed: AbortSignal) => Promise<unknown>,
): Promise<number> {
  const killed = new AbortController();
  const working = begin(killed.signal);
  // What fails by then is a finding, and not an unhandled rejection.
  await Promise.race([sleep(milliseconds), working]);
  killed.abort();
  server.signal('SIGKILL');
  const killedAt = performance.now();
  await server.ended;
  await working;
  return killedAt;
}

/** Asks for a token as a registry client does. @returns the status */
export async function askToken(url: string, secret: string, login = ana, repository = 'team/app'): Promise<number> {
  const authorization = `Basic ${Buffer.from(`${login}:${secret}`).toString('base64')}`;
  const target = `${url}/auth?service=registry.example.com&scope=repository:${repository}:pull`;
  const response = await fetch(target, { headers: { authorization } });
  await response.arrayBuffer();
  return response.status;
}
