/** Owns a listener behind a real server, for a test that speaks to it over HTTP. */
import { once } from 'node:events';
import http, { type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from '../../src/http/server.ts';

/** Runs `action` against a real server on a free port. */
export async function withServer(listener: RequestListener, action: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(null, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await action(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** A request with headers that fetch would not send. */
export function send(url: string, headers: http.OutgoingHttpHeaders): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { headers }, async (response: IncomingMessage) => {
      const body = (await response.toArray()).join('');
      resolve({ status: response.statusCode ?? 0, body });
    });
    request.on('error', reject);
  });
}
