/** The registry client that the demo's check uses: skopeo, else `docker login`, else the token protocol spoken here. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram } from '../test/support/parts.ts';
import { runProgram } from '../test/support/process.ts';
import { createSkopeo } from '../test/support/skopeo.ts';
import type { Demo } from './demo-services.ts';

export type Outcome = {
  /** `failed`: neither yes nor no; something is broken. */
  readonly result: 'allowed' | 'refused' | 'failed';
  /** One line of what was seen. */
  readonly seen: string;
};

export type DemoClient = {
  /** Which client this is, and what it leaves out. */
  readonly description: string;
  /** Whether `push` brings an image into the registry, which then reports it. */
  readonly movesImages: boolean;
  login(user: string, secret: string): Promise<Outcome>;
  /** @param repository `platform/web` */
  push(repository: string): Promise<Outcome>;
  pull(repository: string): Promise<Outcome>;
};

/** @param folder for login files and images */
export async function chooseClient(demo: Demo, folder: string): Promise<DemoClient> {
  if (demo.hasRegistry && findProgram('skopeo') !== null) return withSkopeo(demo, folder);
  if (demo.hasRegistry && findProgram('docker') !== null) return withDockerLogin(demo, folder);
  return speakProtocol(demo);
}

function withSkopeo({ registry }: Demo, folder: string): DemoClient {
  const skopeo = createSkopeo(folder);
  return {
    description: `skopeo against the registry on ${registry}`,
    movesImages: true,
    login: async (user, secret) => outcome(await skopeo.login(registry, user, secret)),
    push: async (repository) =>
      outcome(await skopeo.push(await skopeo.make(), `${registry}/${repository}:1`), 'The image is in the registry'),
    pull: async (repository) => outcome(await skopeo.pull(`${registry}/${repository}:1`), 'The image is here'),
  };
}

async function withDockerLogin(demo: Demo, folder: string): Promise<DemoClient> {
  const env = { ...process.env, DOCKER_CONFIG: join(folder, 'docker') };
  await mkdir(env.DOCKER_CONFIG, { recursive: true });
  const protocol = speakProtocol(demo);
  return {
    ...protocol,
    description: 'docker login; without skopeo, push and pull ask for the token alone and move no image',
    async login(user, secret) {
      await protocol.login(user, secret); // push and pull use it
      const args = ['login', '--username', user, '--password-stdin', demo.registry];
      return outcome(await runProgram('docker', args, { env, input: secret }));
    },
  };
}

/** What a client does at the realm: Basic credentials and a scope in, a token with the granted access out. */
function speakProtocol({ url, registry }: Demo): DemoClient {
  let authorization = '';
  const ask = async (scope: string | null): Promise<{ status: number; granted: string[] }> => {
    const target = new URL(`${url}/auth`);
    target.searchParams.set('service', registry);
    if (scope !== null) target.searchParams.set('scope', scope);
    const response = await fetch(target, { headers: { authorization } });
    const body = (await response.json()) as { token?: string };
    return { status: response.status, granted: grantedActions(body.token ?? '') };
  };
  const want = async (repository: string, action: string, actions: string): Promise<Outcome> => {
    const { status, granted } = await ask(`repository:${repository}:${actions}`);
    const seen = `${status}, the token allows: ${granted.join(', ') || 'nothing'}`;
    if (status !== 200) return { result: resultOf(status), seen };
    return { result: granted.includes(action) ? 'allowed' : 'refused', seen };
  };
  return {
    description: 'the token protocol itself: neither skopeo nor docker is here with a registry, so no image is moved',
    movesImages: false,
    async login(user, secret) {
      authorization = `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
      const { status } = await ask(null);
      return { result: resultOf(status), seen: `the realm answered ${status}` };
    },
    push: (repository) => want(repository, 'push', 'pull,push'),
    pull: (repository) => want(repository, 'pull', 'pull'),
  };
}

/** Reads the token as a person would who debugs: the registry is the one that has to verify it. */
function grantedActions(token: string): string[] {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString() || '{}';
  const { access = [] } = JSON.parse(payload) as { access?: { actions: string[] }[] };
  return access.flatMap(({ actions }) => actions);
}

function resultOf(status: number): Outcome['result'] {
  if (status === 200) return 'allowed';
  return status === 401 ? 'refused' : 'failed';
}

/** How it refuses, which each client passes on among words of its own. */
const registrysWords = /denied: requested access to the resource is denied/;

/** @param success what to say where the client's own last line says little */
function outcome({ code, output }: { code: number | null; output: string }, success?: string): Outcome {
  const seen = lastWords(output) || `exit code ${code}`;
  if (code === 0) return { result: 'allowed', seen: success ?? seen };
  const denial = registrysWords.exec(output)?.[0];
  if (denial !== undefined) return { result: 'refused', seen: denial };
  return { result: /unauthorized|invalid username/i.test(output) ? 'refused' : 'failed', seen };
}

/** The last line that the client wrote; of a log line, the message in it. */
function lastWords(output: string): string {
  const line = output.trim().split('\n').at(-1)?.trim() ?? '';
  const message = /\bmsg="((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? line;
  return message
    .replaceAll('\\"', '"')
    .replaceAll(/(\\n)+/g, ' ')
    .trim();
}
