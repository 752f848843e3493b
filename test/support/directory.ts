/** Owns the directory that stands in for Google's, with the answers recorded from it: users, groups, quota, refusals, silence. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { json, text } from 'node:stream/consumers';
import { type CryptoKey, exportPKCS8, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import type { Person } from './provider.ts';

/** How it answers instead of what was asked. */
export type Mood =
  | 'well'
  /** 403 userRateLimitExceeded. */
  | 'quota'
  /** 403 forbidden: the service account may not read this. */
  | 'forbidden'
  /** No token: delegation or scopes are not set up. */
  | 'unauthorized'
  | 'down'
  /** Never answers. */
  | 'hangs';

export type Directory = {
  /** By id: whoever is in here is there. */
  readonly people: ReadonlyMap<string, Person>;
  /** Group -> the groups that hold it, as e-mails. */
  readonly parents: Map<string, readonly string[]>;
  /** Groups that a list still names, and that are not there any more. */
  readonly deleted: Set<string>;
  /** Asked before each answer. */
  mood: Mood | ((path: string) => Mood);
  /** Answers that come instead, by the path and query they are for: the first that fits. */
  readonly replies: { readonly to: RegExp; readonly reply: Reply }[];
  pageSize: number;
  /** Method and path of what was asked, in order. */
  readonly asked: string[];
  /** The service account's key file; `aud` of its assertions is `tokenUrl`. */
  readonly keyFile: { readonly client_email: string; readonly private_key: string; readonly private_key_id: string };
  /** What the last assertion claimed. */
  readonly claims: () => Readonly<Record<string, unknown>>;
  /** @returns false for a path that is none of its own */
  answer(request: IncomingMessage, response: ServerResponse): boolean;
};

export const tokenPath = '/directory/token';
const bearer = 'directory-token';
const serviceAccount = 'dockpass@demo.iam.gserviceaccount.com';

/** @param people by id, shared with the provider: a group `platform` of somebody at example.com is platform@example.com here */
export async function createDirectory(people: ReadonlyMap<string, Person>): Promise<Directory> {
  const key = await generateKeyPair('RS256', { extractable: true });
  let claims: Readonly<Record<string, unknown>> = {};
  const state: Scene['state'] = {
    ...{ mood: 'well', pageSize: 200, asked: [], replies: [] },
    ...{ parents: new Map(), deleted: new Set() },
  };
  const scene = {
    people,
    state,
    key: key.privateKey,
    publicKey: key.publicKey,
    note: (told: object) => (claims = { ...told }),
  };
  const routes = [...tokenRoutes(scene), ...readRoutes(scene)];
  const answer: Directory['answer'] = (request, response) => {
    const url = new URL(request.url ?? '/', 'http://directory');
    const found = routes.find(({ method, path }) => method === request.method && path.test(url.pathname));
    if (found === undefined) return false;
    state.asked.push(`${request.method} ${decodeURIComponent(url.pathname)}${decodeURIComponent(url.search)}`);
    const mood = typeof state.mood === 'function' ? state.mood(url.pathname) : state.mood;
    const parts = (found.path.exec(url.pathname) ?? []).slice(1).map(decodeURIComponent);
    const path = decodeURIComponent(url.pathname + url.search);
    const reply = state.replies.find(({ to }) => to.test(path))?.reply ?? null;
    void respond(response, mood, found, { request, url, parts }, reply);
    return true;
  };
  const keyFile = {
    client_email: serviceAccount,
    private_key: await exportPKCS8(key.privateKey),
    private_key_id: 'k1',
  };
  return Object.assign(state, { people, keyFile, claims: () => claims, answer });
}

type Scene = {
  readonly people: ReadonlyMap<string, Person>;
  readonly state: Pick<Directory, 'mood' | 'pageSize' | 'asked' | 'replies' | 'parents' | 'deleted'>;
  readonly key: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly note: (claims: object) => void;
};
type Asked = { readonly request: IncomingMessage; readonly url: URL; readonly parts: readonly string[] };
export type Reply = { readonly status: number; readonly body: object; readonly headers?: Record<string, string> };
type Route = {
  readonly method: 'GET' | 'POST';
  readonly path: RegExp;
  readonly isToken: boolean;
  readonly reply: (asked: Asked) => Promise<Reply> | Reply;
};

async function respond(
  response: ServerResponse,
  mood: Mood,
  route: Route,
  asked: Asked,
  instead: Reply | null,
): Promise<void> {
  if (mood === 'hangs') return;
  if (mood === 'down') {
    response.writeHead(503, { 'content-type': 'text/html' }).end('<h1>Service Unavailable</h1>');
    return;
  }
  const { status, body, headers } = instead ?? moody(mood, route) ?? (await route.reply(asked));
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function moody(mood: Mood, { isToken }: Route): Reply | null {
  if (mood === 'unauthorized' && isToken) return { status: 401, body: unauthorized };
  if (mood === 'quota' && !isToken) return refusal(403, 'userRateLimitExceeded', 'User Rate Limit Exceeded.');
  if (mood === 'forbidden' && !isToken) return refusal(403, 'forbidden', 'Not Authorized to access this resource/api');
  return null;
}

export const unauthorized = {
  error: 'unauthorized_client',
  error_description:
    'Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.',
};

/** As the Admin SDK words its errors. */
export function refusal(code: number, reason: string, message: string): Reply {
  return { status: code, body: { error: { code, message, errors: [{ domain: 'global', reason, message }] } } };
}

const token: Reply = { status: 200, body: { access_token: bearer, expires_in: 3_599, token_type: 'Bearer' } };

/** What the other cloud's token is exchanged for. */
const federated = 'federated-token';
export const subjectToken = 'token of another cloud';

/** The ways to a token: an assertion, the metadata server, the exchange of another cloud's, and IAM in somebody's name. */
function tokenRoutes({ key, publicKey, note }: Scene): Route[] {
  const exchange = async ({ request }: Asked): Promise<Reply> => {
    const form = new URLSearchParams(await text(request));
    if (form.get('grant_type') === 'refresh_token') return token;
    try {
      const { payload } = await jwtVerify(form.get('assertion') ?? '', publicKey, { algorithms: ['RS256'] });
      note(payload);
      return payload.iss === serviceAccount ? token : { status: 401, body: unauthorized };
    } catch {
      return { status: 400, body: { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' } };
    }
  };
  const isMachine = ({ headers }: IncomingMessage) => headers['metadata-flavor'] === 'Google';
  const signJwt = async ({ request }: Asked): Promise<Reply> => {
    const { payload } = (await json(request)) as { payload: string };
    const signer = new SignJWT(JSON.parse(payload)).setProtectedHeader({ alg: 'RS256' });
    return { status: 200, body: { keyId: 'k', signedJwt: await signer.sign(key) } };
  };
  const generate = async ({ request }: Asked): Promise<Reply> => {
    note({ ...((await json(request)) as object), by: request.headers.authorization });
    return { status: 200, body: { accessToken: bearer, expireTime: new Date(Date.now() + 3_600_000).toISOString() } };
  };
  const sts = async ({ request }: Asked): Promise<Reply> => {
    const form = Object.fromEntries(new URLSearchParams(await text(request)));
    note(form);
    if (form['subject_token'] === subjectToken) {
      const issued_token_type = 'urn:ietf:params:oauth:token-type:access_token';
      const isOwn = form['scope']?.includes('cloud-platform') === false;
      return { ...token, body: { ...token.body, issued_token_type, access_token: isOwn ? bearer : federated } };
    }
    const error_description = 'The given credential is rejected by the attribute condition.';
    return { status: 401, body: { error: 'unauthorized_client', error_description } };
  };
  const post = { method: 'POST', isToken: true } as const;
  return [
    { ...post, path: /^\/sts\/v1\/token$/, reply: sts },
    {
      ...{ method: 'GET', isToken: true, path: /^\/metadata\/identity\/oauth2\/token$/ },
      reply: ({ request: { headers } }) =>
        headers['metadata'] === 'True'
          ? { status: 200, body: { access_token: subjectToken, token_type: 'Bearer', expires_in: '86399' } }
          : {
              status: 400,
              body: { error: 'invalid_request', error_description: 'Required metadata header not specified' },
            },
    },
    { ...post, path: new RegExp(`^${tokenPath}$`), reply: exchange },
    { ...post, path: /^\/v1\/projects\/-\/serviceAccounts\/[^:]+:signJwt$/, reply: signJwt },
    { ...post, path: /^\/v1\/projects\/-\/serviceAccounts\/[^:]+:generateAccessToken$/, reply: generate },
    {
      method: 'GET',
      isToken: true,
      path: /^\/computeMetadata\/v1\/instance\/service-accounts\/default\/token$/,
      reply: ({ request }) => (isMachine(request) ? token : { status: 403, body: {} }),
    },
  ];
}

/** What is read with the token. */
function readRoutes({ people, state }: Scene): Route[] {
  const find = (id = '') => [...people.values()].find(({ sub, email }) => sub === id || email === id);
  const groupsOf = ({ groups = [], email }: Person) => groups.map((name) => `${name}@${email.split('@')[1]}`);
  const direct = (id: string): readonly string[] | null => {
    const person = find(id);
    return person ? groupsOf(person) : (state.parents.get(id) ?? (isGroup(id) ? [] : null));
  };
  const isGroup = (email: string) =>
    !state.deleted.has(email) &&
    ([...people.values()].some((person) => groupsOf(person).includes(email)) ||
      [...state.parents].some(([child, parents]) => child === email || parents.includes(email)));
  const all = (id: string): string[] => {
    const seen = new Set(direct(id));
    for (const group of seen) for (const parent of state.parents.get(group) ?? []) seen.add(parent);
    return [...seen];
  };
  const page = <Item>(url: URL, items: readonly Item[]): { items: readonly Item[]; nextPageToken?: string } => {
    const from = Number(url.searchParams.get('pageToken') ?? 0);
    const to = from + state.pageSize;
    return { items: items.slice(from, to), ...(to < items.length ? { nextPageToken: String(to) } : {}) };
  };
  const notFound = (what: string) => refusal(404, 'notFound', `Resource Not Found: ${what}`);

  const guarded = (reply: (asked: Asked) => Reply) => (asked: Asked) =>
    asked.request.headers.authorization === `Bearer ${bearer}`
      ? reply(asked)
      : refusal(401, 'authError', 'Invalid Credentials');
  const get = (path: RegExp, reply: (asked: Asked) => Reply): Route => {
    return { method: 'GET', isToken: false, path, reply: guarded(reply) };
  };
  return [
    get(/^\/admin\/directory\/v1\/users\/([^/]+)$/, ({ parts: [key] }) => {
      const person = find(key);
      if (person === undefined) return notFound('userKey');
      const { sub: id, email: primaryEmail, suspended = false } = person;
      const reason = suspended ? { suspensionReason: 'ADMIN' } : {};
      return { status: 200, body: { id, primaryEmail, suspended, archived: person.archived ?? false, ...reason } };
    }),
    get(/^\/admin\/directory\/v1\/users$/, () => {
      const [person] = people.values();
      const { sub: id, email: primaryEmail } = person ?? {};
      return {
        status: 200,
        body: person === undefined ? {} : { users: [{ id, primaryEmail, customerId: 'C0123abcd' }] },
      };
    }),
    get(/^\/admin\/directory\/v1\/groups$/, ({ url }) => {
      const emails = direct(url.searchParams.get('userKey') ?? '');
      if (emails === null) return notFound('userKey');
      const { items, ...more } = page(url, emails);
      // Google leaves the list out where it is empty.
      return {
        status: 200,
        body: { ...(items.length > 0 ? { groups: items.map((email) => ({ email })) } : {}), ...more },
      };
    }),
    get(/^\/admin\/directory\/v1\/groups\/([^/]+)\/hasMember\/([^/]+)$/, ({ parts: [group = '', member = ''] }) => {
      if (!isGroup(group)) return notFound('groupKey');
      const person = find(member);
      if (person === undefined || person.hd === undefined) return refusal(400, 'invalid', 'Invalid Input: memberKey');
      return { status: 200, body: { isMember: all(member).includes(group) } };
    }),
    get(/^\/admin\/directory\/v1\/groups\/([^/]+)\/members\/([^/]+)$/, ({ parts: [group = '', member = ''] }) => {
      if (!(direct(member) ?? []).includes(group)) return notFound('memberKey');
      return { status: 200, body: { kind: 'admin#directory#member', status: 'ACTIVE', role: 'MEMBER' } };
    }),
    get(/^\/v1\/groups\/-\/memberships:searchTransitiveGroups$/, ({ url }) => {
      const [, email = ''] =
        /^member_key_id == '((?:[^'\\]|\\.)*)' && /.exec(url.searchParams.get('query') ?? '') ?? [];
      const { items, ...more } = page(url, all(email.replaceAll(/\\(.)/g, '$1')));
      return { status: 200, body: { memberships: items.map((id) => ({ groupKey: { id } })), ...more } };
    }),
  ];
}
