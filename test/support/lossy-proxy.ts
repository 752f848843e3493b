/** Owns a network that loses what a test chooses: it stands between a client and a server, and breaks connections. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export type LossyProxy = { readonly url: string; stop(): void };

/** @param lose is asked when a request arrives, without a status, and again with that of its answer */
export async function startLossyProxy(
  target: string,
  lose: (path: string, status: number | null) => boolean,
): Promise<LossyProxy> {
  const server = createServer(async (request, response) => {
    const path = request.url ?? '';
    const body = await text(request);
    if (lose(path, null)) {
      response.destroy();
      return;
    }
    const { 'content-type': type = '', 'user-agent': agent = '' } = request.headers;
    const method = request.method ?? 'GET';
    const headers = { 'content-type': type, 'user-agent': agent };
    const answer = await fetch(target + path, { method, headers, ...(method === 'POST' && { body }) });
    const answered = await answer.text();
    if (lose(path, answer.status)) response.destroy();
    else response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(answered);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
