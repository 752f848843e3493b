/** Owns the answers to what can't be read as one request. */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Log } from '../lib/log.ts';
import { http } from '../lib/node-http.ts';
import { isRepeated } from '../lib/repeated-header.ts';
import { originFormOf } from './path.ts';
import { logRequest } from './request-log.ts';
import type { RequesterReader } from './requester.ts';

const unreadable: Readonly<Record<string, readonly [status: number, message: string]>> = {
  HPE_HEADER_OVERFLOW: [
    431,
    'The headers are larger than 64 KB. Is the password that long, or are there that many scopes? A POST can have 128 KB.',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
};

/**
 * Makes a server answer what Node can't hand on as a request, in the words of a registry: docker shows an empty body as
 * "unknown: ". The answer to an earlier request on the same connection isn't cut in two.
 * @param common headers of every answer, names and values in turn
 */
export function answerUnreadable(server: Server, common: readonly string[]): Server {
  server.on('request', ({ socket }: { socket: KnownSocket }, response) => {
    socket[unsentKey] = [...(socket[unsentKey] ?? []).filter(isUnsent), response];
  });
  return server.on('clientError', (error: NodeJS.ErrnoException, socket: KnownSocket) => {
    const isAnswering = socket[unsentKey]?.some((one) => one.headersSent && isUnsent(one)) === true;
    if (!socket.writable || error.code === 'ECONNRESET' || isAnswering) socket.destroy();
    else answer(error.code ?? '', socket, common);
  });
}

/** On the socket itself, as what is known of a request (requester.ts): the responses that may not have been sent. */
const unsentKey = Symbol('unsent');
type KnownSocket = Duplex & { [unsentKey]?: readonly ServerResponse[] };

function isUnsent({ writableFinished }: ServerResponse): boolean {
  return !writableFinished;
}

function answer(code: string, socket: Duplex, common: readonly string[]): void {
  const [status, message] = unreadable[code] ?? [400, 'This is not a request as HTTP/1.1 has it.'];
  const body = unreadableBody(message);
  const headers = headersOf(body, common);
  const lines = headers.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${headers[at + 1]}`] : []));
  const head = [`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`, ...lines];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

/** Names and values in turn. */
function headersOf(body: string, common: readonly string[]): string[] {
  const own = ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body))];
  return [...own, 'Cache-Control', 'no-store', ...common, 'Connection', 'close'];
}

function unreadableBody(message: string): string {
  return JSON.stringify({ errors: [{ code: 'UNSUPPORTED', message }], details: message });
}

/**
 * Hands on what can be read in one way only, with a path as its target.
 * @param parts `common`: headers of every answer, names and values in turn
 */
export function requireReadable(
  parts: { log: Log; requesterOf: RequesterReader; common: readonly string[] },
  listener: RequestListener,
): RequestListener {
  return (request, response) => {
    const read = readTarget(request);
    if ('target' in read) {
      request.url = read.target;
      return listener(request, response);
    }
    logRequest(request, response, parts);
    const body = unreadableBody(read.fault);
    response.writeHead(400, headersOf(body, parts.common)).end(body);
  };
}

function readTarget(request: IncomingMessage): { readonly target: string } | { readonly fault: string } {
  // RFC 9112, section 3.2: of two Hosts a proxy may have looked at the other one. Only HTTP/1.0 can do without.
  const isMissing = request.headers.host === undefined && request.httpVersion !== '1.0';
  if (isMissing) return { fault: 'The request has no Host header. Send one.' };
  if (isRepeated(request, 'host')) return { fault: 'The request has the Host header more than once. Send one.' };
  const target = originFormOf(request.url ?? '/');
  return target === null ? { fault: "The request is for an address that can't be read. Send a path." } : { target };
}
