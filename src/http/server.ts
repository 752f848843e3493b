/** Owns the listener: the limits that every one has, and how it stops. */
import { once } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { http, https } from '../lib/node-http.ts';
import { securityHeaders } from '../lib/security-headers.ts';
import type { Tls } from './tls.ts';
import { answerUnreadable } from './unreadable.ts';

/**
 * A server with the limits that every listener has.
 * @param common headers of every answer, names and values in turn; the listener adds them to its own
 */
export function createServer(
  tls: Tls | null,
  listener: RequestListener,
  common: readonly string[] = securityHeaders(tls !== null),
): Server {
  const limits = {
    // CI tokens come as Basic passwords: 16 KB of them are more than 21 KB of header.
    maxHeaderSize: 64 * 1024,
    // A slower sender only holds a socket (slow-loris). Milliseconds.
    headersTimeout: 15_000,
    requestTimeout: 30_000,
    connectionsCheckingInterval: 5_000,
    // Longer than the idle time of common proxies (60 s), so that they never write to a socket that we just closed.
    keepAliveTimeout: 65_000,
    // A request without a body begins as one that was read: a tenth of the time that Node takes for a request.
    optimizeEmptyRequests: true,
    // Node refuses such a request without a word (unreadable.ts has one).
    requireHostHeader: false,
  };
  const serve = (server: Server): Server => {
    // What it doesn't know needn't be refused (RFC 9110, section 10.1.1), which Node does without a word.
    server.on('checkExpectation', (request, response) => server.emit('request', request, response));
    return answerUnreadable(server.on('request', listener), common);
  };
  return serve(tls === null ? http.createServer(limits) : https.createServer({ ...limits, ...tls.options }));
}

/**
 * Returns what stops the server: it takes no more connections, lets the requests in flight finish, `deadline`
 * milliseconds at most, and closes what is left. To be called before the first request.
 */
export function createStop(server: Server): (deadline: number) => Promise<void> {
  let inFlight = 0;
  let whenIdle = () => {};
  const onClose = (): void => {
    inFlight -= 1;
    if (inFlight === 0) whenIdle();
  };
  server.on('request', (_request, response) => {
    inFlight += 1;
    response.on('close', onClose);
  });
  return async (deadline) => {
    const closed = once(server, 'close');
    server.close();
    // Browsers connect ahead of need; to Node, a connection that has sent nothing yet is not an idle one.
    whenIdle = () => server.closeAllConnections();
    if (inFlight === 0) whenIdle();
    const timer = setTimeout(() => server.closeAllConnections(), deadline);
    await closed;
    clearTimeout(timer);
  };
}

/** Where a listening server is bound. */
export function boundTo(server: Pick<Server, 'address'>): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on TCP');
  return address;
}
