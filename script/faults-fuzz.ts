/** The fault: random and mutated requests to every route. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { realmPaths } from '../src/token/endpoint.ts';
import { createPassword } from '../test/support/person.ts';
import { ana, askToken, type Fault, openScene } from './faults-scene.ts';

const source = new URL('../src/', import.meta.url).pathname;

/** Every route as it is mounted: "GET /passwords/:id/revoke". */
function routes(): { method: string; path: string }[] {
  const files = globSync('{app,app/**/*}.ts', { cwd: source }).map((file) => readFileSync(source + file, 'utf8'));
  const mounted = files.flatMap((text) => [...text.matchAll(/\b\w+\.(get|post|put|patch|delete)\(\s*'(\/[^']*)'/g)]);
  assert.ok(mounted.length > 10, 'the routes were found');
  const realm = realmPaths.flatMap((path) => ['GET', 'POST'].map((method) => ({ method, path })));
  return [...realm, ...mounted.map(([, method = '', path = '']) => ({ method: method.toUpperCase(), path }))];
}

const nasty = [
  '', '/', '//', '..', '../../etc/passwd', '%00', '%', '%zz', '%2e%2e%2f', "'", '"', "' or 1=1 --", '<script>alert(1)</script>',
  '{{7*7}}', '<%= process.env %>', '${7*7}', '\u0000', '\ud83d\ude00', 'ä'.repeat(300), 'a'.repeat(5_000), '[]', '{}', 'null', '-1', '1e309',
  'https://evil.example.com', '//evil.example.com', '\\\\evil', 'javascript:alert(1)', '__proto__', 'constructor', 'repository:a:pull',
  'repository:a:pull,push,*', 'repository:::', 'registry:catalog:*', 'dkp_000000000000000000000000000000000000', '\r\nX-Evil: 1',
]; // biome-ignore format: a list of words
const names = [
  'scope',
  'service',
  'account',
  'client_id',
  'grant_type',
  'username',
  'password',
  'name',
  'days',
  'access',
  'repositories',
  'return',
  'state',
  'code',
  'q',
];

/** Numbers from a seed, so that a failure can be staged again (Mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One request as bytes, of which some are wrong. */
function createRequest(random: () => number, cookie: string, all: readonly { method: string; path: string }[]): Buffer {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const { method, path } = pick(all);
  const word = () => pick(nasty);
  const fields = () =>
    Array.from(
      { length: Math.floor(random() * 4) },
      () => `${pick(names)}=${random() < 0.5 ? encodeURIComponent(word().toWellFormed()) : word()}`,
    ).join('&');
  const target = `${path.replaceAll(/:\w+/g, () => encodeURIComponent(word().toWellFormed()))}${random() < 0.7 ? `?${fields()}` : ''}`;
  const body = random() < 0.5 ? fields() : '';
  const basic = Buffer.from(`${pick([ana, word()])}:${word()}`).toString('base64');
  const lines = [
    `${random() < 0.9 ? method : pick(['PUT', 'HEAD', 'OPTIONS', 'TRACE', 'get', 'CONNECT', word()])} ${target.replaceAll(/[\r\n ]/g, '%20')} HTTP/1.1`,
    'Host: localhost',
    ...(random() < 0.5 ? [`Cookie: ${random() < 0.7 ? cookie : `dockpass=${word()}`}`] : []),
    ...(random() < 0.5 ? [`Authorization: ${random() < 0.8 ? `Basic ${basic}` : word()}`] : []),
    ...(random() < 0.5 ? ['Sec-Fetch-Site: same-origin'] : []),
    ...(random() < 0.3 ? [`X-Forwarded-For: ${word()}`] : []),
    ...(random() < 0.3 ? [`User-Agent: ${word()}`] : []),
    ...(body === ''
      ? []
      : [`Content-Type: ${pick(['application/x-www-form-urlencoded', 'application/json', 'text/plain', word()])}`]),
    ...(body === ''
      ? []
      : [
          random() < 0.9
            ? `Content-Length: ${Buffer.byteLength(body)}`
            : pick(['Transfer-Encoding: chunked', 'Content-Length: -1', 'Content-Length: 9\r\nContent-Length: 8']),
        ]),
    'Connection: close',
  ];
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
  if (random() < 0.2) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  return bytes;
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

export const fuzz: Fault = {
  name: 'fuzz',
  what: 'random and mutated requests to every route',
  async run(scale, stack) {
    const count = scale === 'full' ? 10_000 : 400;
    const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    const scene = await openScene(stack);
    const server = await scene.serve();
    stack.defer(() => server.stop());
    const visitor = await scene.signIn();
    const { secret } = await createPassword(visitor, scene.url);
    assert.ok(secret);
    const session = visitor.cookie(scene.url, 'dockpass') ?? '';
    const random = createRandom(seed);
    const all = routes();
    const port = Number(new URL(scene.url).port);
    const statuses = new Map<number, number>();
    const worker = async (share: number) => {
      for (let sent = 0; sent < share; sent++) {
        const bytes = createRequest(random, `dockpass=${session}`, all);
        const status = await sendBytes(port, bytes);
        assert.ok(status < 500, `seed ${seed}: ${status} for\n${bytes}`);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: 8 }, () => worker(count / 8)));
    assert.equal(await askToken(scene.url, secret), 200, 'it still works');
    const log = server.output();
    for (const hidden of [secret, session, 'the-secret-of-the-client'])
      assert.ok(hidden !== '' && !log.includes(hidden), `seed ${seed}: a secret is in the log`);
    const seen = [...statuses].sort(([a], [b]) => a - b).map(([status, times]) => `${times} × ${status || 'closed'}`);
    return `${count} requests to ${all.length} routes (seed ${seed}): ${seen.join(', ')}; no 5xx, no crash, no secret in ${log.split('\n').length} log lines`;
  },
};
