/** A process of its own for the fault `sign-ins`: a provider's token endpoint and keys, as fast as Google's are. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { type Code, clientId } from './sign-in-visitors.ts';

/** Milliseconds that an answer takes, as over a network. */
const latency = 100;
const alg = 'RS256';
const { publicKey, privateKey } = await generateKeyPair(alg);
const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', use: 'sig', alg }] });

const server = createServer(async (request, response) => {
  response.setHeader('Content-Type', 'application/json');
  if (request.url === '/keys') {
    response.end(keys);
    return;
  }
  const code = new URLSearchParams(await text(request)).get('code') ?? '';
  const answer = JSON.stringify(await redeem(JSON.parse(Buffer.from(code, 'base64url').toString()) as Code));
  setTimeout(() => response.end(answer), latency);
});

async function redeem({ number, email, nonce }: Code): Promise<object> {
  const claims = { sub: `crowd-${number}`, email, email_verified: true, hd: 'example.com', name: email, nonce };
  const token = new SignJWT(claims).setProtectedHeader({ alg, kid: 'k' }).setIssuer(url).setAudience(clientId);
  return {
    access_token: 'a',
    token_type: 'Bearer',
    expires_in: 300,
    refresh_token: `refresh-${number}`,
    id_token: await token.setIssuedAt().setExpirationTime('5m').sign(privateKey),
  };
}

server.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://localhost:${(server.address() as AddressInfo).port}`;
console.log(JSON.stringify({ url }));
process.once('SIGTERM', () => process.exit());
