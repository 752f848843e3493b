/** Owns the listener: the limits that every one has, what it answers to bytes that are no request, and how it stops. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { RequestListener, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Refusal } from '../errors.ts';
import { http, https } from '../node-http.ts';
import { isRepeated } from '../repeated-header.ts';

/**
 * A server with the limits that every listener has.
 * @throws {Refusal} `misconfigured`, when certificate or key cannot be used
 */
export async function createServer(
  tls: { certificateFile: string; keyFile: string } | null,
  listener: RequestListener,
): Promise<Server> {
  const limits = {
    // CI tokens come as Basic passwords: 16 KB of them are more than 21 KB of header.
    maxHeaderSize: 64 * 1024,
    // Whoever sends slower than this holds a socket for nothing (slow-loris). Milliseconds.
    headersTimeout: 15_000,
    requestTimeout: 30_000,
    connectionsCheckingInterval: 5_000,
    // Longer than the idle time of common proxies (60 s), so that they never write to a socket that we just closed.
    keepAliveTimeout: 65_000,
  };
  const handler = refuseTwoHosts(listener);
  if (tls === null) return http.createServer(limits, handler).on('clientError', answerUnreadable);
  try {
    const [cert, key] = await Promise.all([readFile(tls.certificateFile), readFile(tls.keyFile)]);
    const server = https.createServer({ ...limits, cert, key, minVersion: 'TLSv1.2' }, handler);
    return server.on('clientError', answerUnreadable);
  } catch (cause) {
    throw new Refusal(
      'misconfigured',
      `TLS cannot be spoken with the certificate ${tls.certificateFile} and the key ${tls.keyFile}: ${(cause as Error).message}. TLS_CERTIFICATE_FILE names a certificate chain, TLS_KEY_FILE its private key, both PEM.`,
      { cause },
    );
  }
}

const unreadable: Readonly<Record<string, readonly [status: number, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers are larger than 64 KB: is the password that long?'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
};

/**
 * Answers what is no request that Node could hand on, in the words of a registry: docker shows an empty body as
 * "unknown: ". The answer of a request before it, on the same connection, is not cut in two.
 */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Duplex & { _httpMessage?: ServerResponse }): void {
  if (!socket.writable || error.code === 'ECONNRESET' || socket._httpMessage?.headersSent === true) {
    socket.destroy();
    return;
  }
  const [status, message] = unreadable[error.code ?? ''] ?? [400, 'This is not a request as HTTP/1.1 has it.'];
  const body = unreadableBody(message);
  const head = [
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

function unreadableBody(message: string): string {
  return JSON.stringify({ errors: [{ code: 'UNSUPPORTED', message }], details: message });
}

/** RFC 9112, section 3.2. Node refuses a request without one. */
function refuseTwoHosts(listener: RequestListener): RequestListener {
  return (request, response) => {
    if (!isRepeated(request, 'host')) return listener(request, response);
    const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', Connection: 'close' };
    response.writeHead(400, headers).end(unreadableBody('The request has the Host header more than once. Send one.'));
  };
}

/**
 * Returns what stops the server: it takes no more connections, lets the requests in flight finish, `deadline`
 * milliseconds at most, and closes what is left. To be called before the first request.
 */
export function createStop(server: Server): (deadline: number) => Promise<void> {
  let inFlight = 0;
  let whenIdle = () => {};
  server.on('request', (_request, response) => {
    inFlight += 1;
    response.once('close', () => {
      inFlight -= 1;
      if (inFlight === 0) whenIdle();
    });
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
