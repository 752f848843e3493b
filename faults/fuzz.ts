/** The fault: random and mutated requests to every route, by a visitor, a person, an administrator and a program. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { realmPaths } from '../src/token/endpoint.ts';
import { cookieNames } from '../src/web/cookies.ts';
import { createPassword } from '../test/support/person.ts';
import type { Visitor } from '../test/support/visitor.ts';
import { startHouse } from '../test/support/walk.ts';
import { createRandom, createRequest, type Route, type Sender } from './fuzz-request.ts';
import { ana, askToken, type Fault, openScene, type Scene } from './scene.ts';

const bo = 'bo@example.com';
const scopes =
  'people:read,people:write,passwords:read,passwords:revoke,robots:read,robots:write,audit:read,policy:explain';
/** After so many, and at the end, people whom one of them signed out or disabled sign in again. */
const roundLength = 200;

/** Every route as it is mounted, and the realm's. */
async function allRoutes(): Promise<Route[]> {
  const house = await startHouse();
  await house.stop();
  const realm = realmPaths.flatMap((path) => [`GET ${path}`, `POST ${path}`]);
  return [...realm, ...house.routes].map((route) => {
    const [method = '', path = ''] = route.split(' ');
    return { method, path };
  });
}

/** @returns the status, or 0 where the connection was closed without an answer */
function sendBytes(port: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
    let answer = '';
    socket.setTimeout(2_000, () => socket.destroy()); // half of a request gets no answer
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0)));
  });
}

function lastError(log: string): string | undefined {
  return log.split('\n').findLast((line) => line.includes('"level":"error"'));
}

/** Signs in whom one of the requests may have disabled. */
async function signInAgain({ installation, signIn }: Scene, email: string): Promise<Visitor> {
  await installation.run(['person', 'enable', email]);
  return signIn(email);
}

type Crew = Sender & { readonly secrets: readonly string[] };

/** An administrator and a person who are signed in, a program with an API token, and a docker client. */
async function gather(scene: Scene, token: string): Promise<Crew> {
  const [root, person] = [await signInAgain(scene, ana), await signInAgain(scene, bo)];
  const { secret } = await createPassword(person, scene.url, { name: `fuzz ${Math.random()}` });
  const people = await scene.installation.run(['person', 'list', '--json']);
  const ids = (JSON.parse(people.stdout) as { id: string }[]).map(({ id }) => id);
  const { session: cookie } = cookieNames(scene.url, false);
  const sessions = [root, person].map((visitor) => visitor.cookie(scene.url, cookie) ?? '');
  assert.ok(!sessions.includes(''), 'no one is signed in');
  const basic = Buffer.from(`${bo}:${secret}`).toString('base64');
  return {
    headers: [
      '',
      ...sessions.map((session) => `Cookie: ${cookie}=${session}`),
      `Authorization: Bearer ${token}`,
      `Authorization: Basic ${basic}`,
    ],
    ids: [...ids, ana, bo, 'team/app'],
    secrets: [...sessions.map(decodeURIComponent), token, ...(secret === null ? [] : [secret])],
  };
}

export const fuzz: Fault = {
  name: 'fuzz',
  what: 'random and mutated requests to every route',
  async run(scale, stack) {
    const rounds = scale === 'full' ? 50 : 2;
    const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    const random = createRandom(seed);
    const routes = await allRoutes();
    const scene = await openScene(stack);
    const server = await scene.serve({ ADMIN_EMAILS: ana, PASSWORDS_PER_PERSON: '1000' });
    const made = ['api-token', 'create', '--name', 'fuzz', '--days', '1', '--scopes', scopes];
    const token = (await scene.installation.run(made)).stdout.trim();
    const port = Number(new URL(scene.url).port);
    const statuses = new Map<number, number>();
    const secrets = new Set(['the-secret-of-the-client']);
    for (let round = 0; round < rounds; round++) {
      const crew = await gather(scene, token);
      for (const secret of crew.secrets) secrets.add(secret);
      const work = async () => {
        for (let sent = 0; sent < roundLength / 8; sent++) {
          const bytes = createRequest(random, routes, crew);
          const status = await sendBytes(port, bytes);
          if (status >= 500) assert.fail(`seed ${seed}: ${status} for\n${bytes}\n${lastError(server.output())}`);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      };
      await Promise.all(Array.from({ length: 8 }, work));
    }
    const { secret } = await createPassword(await signInAgain(scene, ana), scene.url, { name: 'after all' });
    assert.equal(await askToken(scene.url, secret ?? ''), 200, 'it still works');
    const log = server.output();
    for (const hidden of secrets)
      assert.ok(hidden !== '' && !log.includes(hidden), `seed ${seed}: a secret is in the log`);
    const seen = [...statuses].sort(([a], [b]) => a - b).map(([status, times]) => `${times} × ${status || 'closed'}`);
    return `${rounds * roundLength} requests to ${routes.length} routes, by nobody, a person, an administrator and a program (seed ${seed}): ${seen.join(', ')}; no 5xx, no crash, no secret in ${log.split('\n').length} log lines`;
  },
};
