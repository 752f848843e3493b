/** Owns an issuer of ID tokens on loopback: discovery, keys that rotate, and every way in which one fails. */
import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, type JWTHeaderParameters, SignJWT } from 'jose';

export type TestIssuer = {
  /** What its tokens have as `iss`. */
  readonly url: string;
  /** Requests that it got, by path. */
  readonly asked: readonly string[];
  /** A token with these claims beside `iss`, `iat` and `exp`. */
  sign(claims: object, options?: SignOptions): Promise<string>;
  /** Signs with a new key from now on. `keep`: the old one stays in the set. */
  rotate(options?: { keep?: boolean }): Promise<void>;
  /** How it answers from now on; `null`: as it should. */
  answer(how: Answer | null): void;
  stop(): Promise<void>;
};

export type SignOptions = {
  readonly header?: Partial<JWTHeaderParameters>;
  /** Epoch seconds at which it's issued. */
  readonly at?: number;
  /** Seconds. */
  readonly life?: number;
  readonly key?: KeyObject | Uint8Array;
};

/** `hang`: never; `hang-up`: it isn't there; `plain-keys`: they're said to be at an address without TLS; others are sent in the place of the key set. */
export type Answer =
  | 'hang'
  | 'hang-up'
  | 'error'
  | 'empty'
  | 'garbage'
  | 'redirect'
  | 'long'
  | 'other-issuer'
  | 'plain-keys';

type Key = { readonly kid: string; readonly privateKey: KeyObject; readonly jwk: object };

export async function startIssuer(): Promise<TestIssuer> {
  let keys = [await newKey()];
  let failing: Answer | null = null;
  const asked: string[] = [];
  let hanging: ServerResponse[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    if (failing === 'hang') return void hanging.push(response);
    if (failing === 'hang-up') return void request.socket.destroy();
    if (failing === 'error') return void response.writeHead(503).end();
    if (failing === 'redirect')
      return void response.writeHead(302, { Location: 'https://elsewhere.example.com/' }).end();
    const keySet = { keys: keys.map(({ jwk }) => jwk) };
    if (path === '/keys') return send(response, bodyOf(failing, keySet));
    const issuer = failing === 'other-issuer' ? 'https://evil.example.com' : url;
    const keysUrl = failing === 'plain-keys' ? 'http://ci.example.com/keys' : `${url}/keys`;
    send(response, JSON.stringify({ issuer, jwks_uri: keysUrl }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    asked,
    async sign(claims, { header = {}, at = Math.floor(Date.now() / 1000), life = 300, key } = {}) {
      const [newest] = keys;
      if (newest === undefined) throw new Error('there is no key');
      const whole = { iss: url, iat: at, exp: at + life, jti: randomUUID(), ...claims };
      return new SignJWT(whole)
        .setProtectedHeader({ alg: 'RS256', kid: newest.kid, typ: 'JWT', ...header })
        .sign(key ?? newest.privateKey);
    },
    async rotate({ keep = false } = {}) {
      keys = [await newKey(), ...(keep ? keys : [])];
    },
    answer(how) {
      failing = how;
      for (const response of hanging) response.destroy();
      hanging = [];
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function bodyOf(failing: Answer | null, keySet: object): string {
  if (failing === 'empty') return '{"keys":[]}';
  if (failing === 'garbage') return '<html>';
  if (failing === 'long') return JSON.stringify({ ...keySet, padding: 'x'.repeat(2 * 1024 * 1024) });
  return JSON.stringify(keySet);
}

function send(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(body);
}

async function newKey(): Promise<Key> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const kid = randomUUID();
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' } };
}
