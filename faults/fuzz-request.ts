/** Owns one mutated request: bytes that mean a route, of which some are wrong. */
import { globSync, readFileSync } from 'node:fs';

/** "GET /passwords/:id/revoke". */
export type Route = { readonly method: string; readonly path: string };

/** Who sends, and what there is to name. */
export type Sender = {
  /** Sets of headers that say who it is: none, a cookie, a token, a password. */
  readonly headers: readonly string[];
  /** Ids that something has. */
  readonly ids: readonly string[];
};

const nasty = [
  '', '/', '//', '..', '../../etc/passwd', '%00', '%', '%zz', '%2e%2e%2f', "'", '"', "' or 1=1 --", '<script>alert(1)</script>',
  '{{7*7}}', '<%= process.env %>', '${7*7}', '\u0000', '\ud83d\ude00', 'ä'.repeat(300), 'a'.repeat(5_000), '[]', '{}', 'null', '-1', '1e309',
  'https://evil.example.com', '//evil.example.com', '\\\\evil', 'javascript:alert(1)', '__proto__', 'constructor', 'repository:a:pull',
  'repository:a:pull,push,*', 'repository:::', 'registry:catalog:*', 'dkp_000000000000000000000000000000000000', '\r\nX-Evil: 1',
]; // biome-ignore format: a list of words

/** Of the protocols, and of every form and link that the pages have. */
const names = [
  ...['scope', 'service', 'account', 'client_id', 'grant_type', 'username', 'password', 'refresh_token', 'access_type'],
  ...[
    'state',
    'code',
    'error',
    'iss',
    'return_to',
    'another',
    'logout_token',
    'q',
    'q[]',
    'limit',
    'before',
    '__proto__',
  ],
  ...new Set(
    globSync('views/*.eta').flatMap((view) =>
      [...readFileSync(view, 'utf8').matchAll(/name="([a-z_-]+)"/g)].map(([, name = '']) => name),
    ),
  ),
];
const otherMethods = ['PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'get', 'CONNECT', 'QUERY'];
const types = [
  'application/x-www-form-urlencoded',
  'application/json',
  'text/plain',
  'multipart/form-data; boundary=a',
];
const wrongLengths = [
  'Transfer-Encoding: chunked',
  'Content-Length: -1',
  'Content-Length: 9\r\nContent-Length: 8',
  'Content-Length: 99999',
];

/** Numbers from a seed, so that a failure can be staged again (Mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param random from 0 to 1 */
export function createRequest(random: () => number, routes: readonly Route[], { headers, ids }: Sender): Buffer {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const word = () => (random() < 0.2 ? pick(ids) : pick(nasty)).toWellFormed();
  const field = () => `${pick(names)}=${random() < 0.5 ? encodeURIComponent(word()) : word()}`;
  const form = () => Array.from({ length: Math.floor(random() * 6) }, field).join('&');
  const json = () =>
    JSON.stringify(Object.fromEntries([1, 2, 3].map(() => [pick(names), pick([word(), [word()], 1e9, null])])));
  const route = pick(routes);
  const path = route.path.replaceAll(/:\w+/g, () => encodeURIComponent(word()));
  const target = `${path}${random() < 0.7 ? `?${form()}` : ''}`.replaceAll(/[\r\n ]/g, '%20');
  const method = random() < 0.9 ? route.method : pick([...otherMethods, word()]);
  const body = random() < 0.6 ? pick([form, json])() : '';
  const sometimes = (share: number, line: () => string) => (random() < share ? [line()] : []);
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...sometimes(0.95, () => 'Host: localhost'),
    ...sometimes(0.9, () => pick(headers)).filter(Boolean),
    ...sometimes(0.1, () => `Authorization: ${word()}`),
    ...sometimes(0.1, () => `Cookie: dockpass=${word()}`),
    ...sometimes(0.7, () => 'Sec-Fetch-Site: same-origin'),
    ...sometimes(0.3, () => `X-Forwarded-For: ${word()}`),
    ...sometimes(0.3, () => `User-Agent: ${word()}`),
    ...sometimes(0.3, () => `Accept: ${pick(['text/html', 'application/json', word()])}`),
    ...(body === '' ? [] : [`Content-Type: ${random() < 0.9 ? pick(types) : word()}`]),
    ...(body === '' ? [] : [random() < 0.9 ? `Content-Length: ${Buffer.byteLength(body)}` : pick(wrongLengths)]),
    'Connection: close',
  ];
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
  if (random() < 0.2) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  return bytes;
}
