/**
 * Owns the two floors that Dockpass is compared with: bare `node:http` servers that check nothing and log nothing.
 * `signed` signs one ES256 token a request, in the fastest way that Node has; `constant` answers the same bytes each time.
 */
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSigner } from '../src/keys/signature.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
// A header as long as that of Dockpass's tokens, whose certificate is about 450 bytes.
const signer = createSigner(
  { privateKey, algorithm: 'ES256', id: 'ABCD:'.repeat(12).slice(0, -1), certificates: [Buffer.alloc(450, 7)] },
  'x5c',
);
const claims = {
  iss: 'auth.example.com',
  sub: 'person@example.com',
  aud: 'registry.example.com',
  exp: 1_800_000_300,
  nbf: 1_800_000_000,
  iat: 1_800_000_000,
  jti: '9b2f8a52-6f60-4d0c-8c56-0c6b1e3f4a77',
  access: [{ type: 'repository', name: 'team/app', actions: ['pull'] }],
};
const constant = answer(await signer.sign(claims));

const listeners: Record<string, RequestListener> = {
  signed: async (_request, response) => send(response, answer(await signer.sign(claims))),
  constant: (_request, response) => send(response, constant),
};
const listener = listeners[process.argv[2] ?? ''];
if (listener === undefined) throw new Error(`one of: ${Object.keys(listeners).join(', ')}`);
const server = createServer(listener).listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ message: 'listening', url: `http://127.0.0.1:${port}` }));
});
process.once('SIGTERM', () => process.exit());

function answer(token: string): Buffer {
  return Buffer.from(JSON.stringify({ token, access_token: token, expires_in: 300 }));
}

function send(response: Parameters<RequestListener>[1], body: Buffer): void {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length }).end(body);
}
