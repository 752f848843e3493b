/** Owns a token endpoint on a real HTTP server, with real keys, users and policy, and the words to ask it with. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import bcrypt from 'bcryptjs';
import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import { pathOf } from '../../src/http/path.ts';
import { createRequesterReader, createTrust } from '../../src/http/requester.ts';
import { createServer } from '../../src/http/server.ts';
import type { Identity } from '../../src/identity/identity.ts';
import type { Keys, RingSettings } from '../../src/keys/keys.ts';
import type { TokenHeader } from '../../src/keys/signature.ts';
import type { Log } from '../../src/lib/log.ts';
import { createPepper, looksLikeSecret } from '../../src/lib/secret.ts';
import { parsePolicy } from '../../src/policy/acl.ts';
import type { Access } from '../../src/scope.ts';
import { createFailedLogins } from '../../src/static-users/failed-logins.ts';
import { createHashCheck } from '../../src/static-users/hash-check.ts';
import { createHashThread } from '../../src/static-users/hash-thread.ts';
import { createStaticUsers } from '../../src/static-users/static-users.ts';
import { createTokenEndpoint, realmPaths, type TokenEndpointParts } from '../../src/token/endpoint.ts';
import type { Service } from '../../src/token/mint.ts';
import { createKeyPlace } from './key-place.ts';

/** Holds all that a password may hold over the wire and clients were seen to break. */
export const password = 'pä: s+s%41 w/ö=&d';
const hash = bcrypt.hashSync(password, 4);

/** `ana` may do everything, `bo` pull from team/, nobody else anything, those without credentials pull from public/. */
const policyText = `
users:
  ana: { password: "${hash}" }
  bo: { password: "${hash}" }
  cy: { password: "${hash}" }
  "": {}
acl:
  - match: { account: "ana" }
    actions: ["*"]
  - match: { account: "bo", type: "repository", name: "team/*" }
    actions: ["pull"]
  - match: { account: "", type: "repository", name: "public/*" }
    actions: ["pull"]
`;

/** A service without what signs for it; `header` is x5c unless said otherwise. */
export type ServiceWish = Omit<Service, 'signer'> & { readonly header?: TokenHeader };

export const registry: ServiceWish = {
  name: 'registry.example.com',
  issuer: 'auth.example.com',
  lifetime: 300,
  anonymous: true,
  identityTokens: false,
};
export const secondRegistry: ServiceWish = { ...registry, name: 'my registry:5000', lifetime: 900 };

export type Claims = JWTPayload & { readonly access: readonly Access[] };

/** What came back; `claims` is of the token after jose verified it, `null` where there is no token. */
export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
  readonly claims: Claims | null;
};

export type TokenService = {
  /** "http://127.0.0.1:PORT". */
  readonly url: string;
  readonly bundleFile: string;
  readonly jwksFile: string;
  readonly keys: Keys;
  /** What was logged. */
  readonly lines: readonly { readonly level: keyof Log; readonly message: string; readonly fields: object }[];
  /** Who was told of as having used a password. */
  readonly uses: readonly Identity[];
  /** @param fields of the query, in their order; `path` defaults to /auth */
  get(fields: Fields, options?: { user?: string; password?: string; path?: string }): Promise<Answer>;
  post(fields: Fields, options?: { user?: string; type?: string; path?: string }): Promise<Answer>;
  /** Any other request. */
  send(target: string, init: RequestInit): Promise<Answer>;
  stop(): Promise<void>;
};

type Fields = readonly (readonly [name: string, value: string])[];

export type TokenServiceWish = Partial<Omit<TokenEndpointParts, 'services'>> & {
  readonly services?: readonly ServiceWish[];
  /** Changes to the settings of the keys. */
  readonly ring?: Partial<RingSettings>;
  /** How many are forgiven; 100 where not said. */
  readonly wrongPasswords?: number;
};

/** @param input changes to the parts of the endpoint, for a test of how one of them fails */
export async function startTokenService(input: TokenServiceWish = {}): Promise<TokenService> {
  const { services = [registry, secondRegistry], ring, wrongPasswords = 100, ...changes } = input;
  const place = await createKeyPlace();
  const { bundleFile, jwksFile } = place.settings;
  const keys = await place.open({ rings: [{ ...place.settings, ...ring }] });
  const policy = parsePolicy(policyText, 'policy.yml');
  const failedLogins = createFailedLogins({
    store: place.store.failedLogins,
    pepper: createPepper(password),
    limit: wrongPasswords,
    onError: () => {},
    now: changes.now ?? Date.now,
  });
  const hashCheck = createHashCheck({
    thread: createHashThread(),
    guessing: failedLogins.guessing,
    onNotCompared: failedLogins.countOrRefuse,
    now: changes.now ?? Date.now,
  });
  const users = createStaticUsers(
    () => policy.users,
    hashCheck,
    ({ password: given }) => looksLikeSecret(given),
  );
  const uses: Identity[] = [];
  const lines: { level: keyof Log; message: string; fields: object }[] = [];
  const write = (level: keyof Log) => (fields: object, message: string) => lines.push({ level, message, fields });
  const endpoint = createTokenEndpoint({
    services: services.map(({ header = 'x5c', ...service }) => ({ ...service, signer: keys.ring('').signer(header) })),
    authenticators: [users.authenticator],
    failedLogins,
    identityTokens: { issue: async () => null, verify: async () => null },
    catalog: null,
    anonymous: users.anonymous,
    policy: () => policy,
    onDecisions: () => {},
    onAnswer: () => {},
    recordUse: (identity) => uses.push(identity),
    log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    now: Date.now,
    requesterOf: createRequesterReader(createTrust([])),
    publicUrl: 'https://auth.example.com/',
    ...changes,
  });
  const server = createServer(null, (request, response) => {
    if (realmPaths.includes(pathOf(request))) void endpoint(request, response);
    else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const keySet = () => createLocalJWKSet(keys.ring('').jwks() as JSONWebKeySet);
  const send = async (target: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(url + target, { redirect: 'error', ...init });
    const { status, headers } = response;
    const text = await response.text();
    const body = text === '' ? {} : (JSON.parse(text) as Answer['body']);
    const { token } = body;
    const claims = typeof token === 'string' ? (await jwtVerify<Claims>(token, keySet())).payload : null;
    return { status, headers, body, claims };
  };

  return {
    url,
    bundleFile,
    jwksFile,
    keys,
    lines,
    uses,
    send,
    get: (fields, options = {}) =>
      send(`${options.path ?? '/auth'}?${encode(fields)}`, { headers: basicOf(options.user, options.password) }),
    post: (fields, options = {}) =>
      send(options.path ?? '/auth', {
        method: 'POST',
        headers: { ...basicOf(options.user), 'Content-Type': options.type ?? 'application/x-www-form-urlencoded' },
        body: encode(fields),
      }),
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
      await failedLogins.flush();
      await place.close();
    },
  };
}

/** As Go's url.Values.Encode writes it, which is what clients send. */
function encode(fields: Fields): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of fields) parameters.append(name, value);
  return parameters.toString();
}

function basicOf(user: string | undefined, secret = password): Record<string, string> {
  return user === undefined ? {} : { Authorization: basic(user, secret) };
}

/** The Authorization header of RFC 7617. */
export function basic(user: string, secret: string): string {
  return `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
}
