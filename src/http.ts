/** Owns what all requests and answers share: client address, request id, log line, limits, headers, error -> reply. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';
import proxyAddr from 'proxy-addr';
import type { Client } from './audit.ts';
import { Refusal } from './errors.ts';
import type { Log } from './log.ts';
import { http, https } from './node-http.ts';
import { isRepeated } from './repeated-header.ts';

/** Whether the peer at this address may speak for others by X-Forwarded-*; `hop` counts from the nearest. */
export type Trust = (address: string, hop: number) => boolean;

/** @param proxies addresses and CIDR blocks */
export function createTrust(proxies: readonly string[]): Trust {
  return proxyAddr.compile([...proxies]);
}

/** On the request itself: a WeakMap costs the garbage collector as much as all the rest of reading a request. */
const clientKey = Symbol('client');
type KnownRequest = IncomingMessage & { [clientKey]?: Client };

/** Who sends a request; asked twice, it answers the same. */
export function createClientReader(trust: Trust): (request: IncomingMessage) => Client {
  return (request: KnownRequest) => {
    request[clientKey] ??= {
      address: plainAddress(request, trust),
      userAgent: printable(request.headers['user-agent'] ?? '', 200),
      // 62 random bits. Node draws the bytes of many UUIDs at once, which a call for 8 bytes does not.
      requestId: randomUUID().slice(-17).replace('-', ''),
    };
    return request[clientKey];
  };
}

/** A socket that is gone has no address; `::ffff:192.0.2.1` is 192.0.2.1. */
function plainAddress(request: IncomingMessage, trust: Trust): string {
  const peer = request.socket.remoteAddress;
  if (peer === undefined) return '';
  const address = trust(peer, 0) ? forwardedAddress(request, trust) : peer;
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}

/** What is no address says nothing: then it is the nearest proxy that counts. */
function forwardedAddress(request: IncomingMessage, trust: Trust): string {
  const chain = proxyAddr.all(request, (address, hop) => trust(withoutPort(address), hop)).map(withoutPort);
  return chain.findLast((address) => isIP(address) !== 0) ?? '';
}

/** Some proxies write the port too: `192.0.2.1:5678`, `[2001:db8::1]:5678`. */
function withoutPort(address: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([\d.]+))(?::\d+)?$/.exec(address) ?? [];
  return bracketed ?? plain ?? address;
}

/** Printable ASCII, which is what clients send. */
const harmless = /^[ -~]*$/;

/**
 * Text from a client as it may stand in a log or a table: short, without anything that looks like our secrets, and
 * without what a terminal obeys or nobody sees (C1, direction marks): of that, first, so that it cannot split a secret.
 */
function printable(text: string, maximumLength: number): string {
  if (harmless.test(text) && text.length <= maximumLength && !text.includes('dk')) return text;
  return text
    .slice(0, maximumLength)
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, '')
    .replaceAll(/\bdk[a-z]_[0-9A-Za-z]{8,}/g, 'dk?_…');
}

/** The path of the request target, without the query; absolute targets (RFC 9112, 3.2.2) too. */
export function pathOf(request: IncomingMessage): string {
  const target = request.url ?? '/';
  const path = target.startsWith('/') ? target : (URL.parse(target)?.pathname ?? '/');
  const end = path.indexOf('?');
  return end < 0 ? path : path.slice(0, end);
}

/** Writes one line when the answer is out, or when the client left before. The query is not logged: it may hold a code. */
export function logRequest(
  request: IncomingMessage,
  response: ServerResponse,
  parts: { log: Log; clientOf: (request: IncomingMessage) => Client },
): void {
  const begun = performance.now();
  const { requestId, address, userAgent } = parts.clientOf(request);
  // Express takes the prefix off the address while it looks for the route.
  const path = printable(pathOf(request), 200);
  response.setHeader('X-Request-Id', requestId);
  response.once('close', () => {
    parts.log.info(
      {
        requestId,
        method: request.method,
        path,
        status: response.writableFinished ? response.statusCode : 499,
        ms: Math.round((performance.now() - begun) * 10) / 10,
        address,
        userAgent,
      },
      'request',
    );
  });
}

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

/** The headers of every page: nothing is loaded from elsewhere, nothing is inline, nobody may frame it. */
export function pageHeaders(secure: boolean): RequestHandler {
  const none = ["'none'"];
  const self = ["'self'"];
  const directives = {
    defaultSrc: none,
    scriptSrc: self,
    styleSrc: self,
    imgSrc: ["'self'", 'data:'],
    connectSrc: self,
    formAction: self,
    frameAncestors: none,
    baseUri: none,
  };
  const headers = helmet({
    contentSecurityPolicy: { useDefaults: false, directives },
    // Other services of the domain are not ours to bind to https.
    strictTransportSecurity: secure ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
  });
  return (request, response, next) => {
    response.setHeader('Cache-Control', 'no-store');
    headers(request, response, next);
  };
}

/**
 * Refuses what another site makes a signed-in browser send, as Go 1.25's CrossOriginProtection does: by Sec-Fetch-Site,
 * by Origin where that is missing, and lets through what is no browser.
 * @param origin the configured public origin; the Host header is the client's choice
 */
export function refuseCrossSite(origin: string): RequestHandler {
  return (request, _response, next) => {
    const site = request.headers['sec-fetch-site'];
    const safe = request.method === 'GET' || request.method === 'HEAD' || request.method === 'OPTIONS';
    const same =
      site === undefined
        ? request.headers.origin === undefined || request.headers.origin === origin
        : site === 'same-origin' || site === 'none';
    if (safe || same) return next();
    next(new Refusal('denied', 'This request came from another site. Open the page here and try again.'));
  };
}

export const notFound: RequestHandler = (_request, _response, next) => {
  next(new Refusal('not_found', 'There is no such page. The passwords are on the first page.'));
};

/** How a refusal is shown to a person. */
export type ErrorPage = (response: Response, refusal: Refusal, requestId: string) => void;

/** The one place that turns an error of a page into a reply: a page for a browser, JSON for a program. */
export function replyToErrors(parts: {
  log: Log;
  clientOf: (request: IncomingMessage) => Client;
  page: ErrorPage;
}): (error: unknown, request: Request, response: Response, next: NextFunction) => void {
  return (error, request, response, _next) => {
    const { requestId } = parts.clientOf(request);
    // Whoever goes away during a download is no fault of ours.
    if ((error as { code?: unknown }).code === 'ERR_STREAM_PREMATURE_CLOSE') return;
    const refusal = toRefusal(error);
    if (refusal.status >= 500) parts.log.error({ err: refusal.cause ?? error, requestId }, refusal.message);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    response.status(refusal.status).setHeader('Cache-Control', 'no-store');
    if (refusal.retryAfter !== undefined) response.setHeader('Retry-After', String(refusal.retryAfter));
    if (request.accepts(['json', 'html']) === 'html') parts.page(response, refusal, requestId);
    else response.json({ errors: [{ code: refusal.code, message: refusal.message, requestId }] });
  };
}

/** Errors of express and its parsers carry the status that they mean; everything else is our fault. */
function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const { status } = error as { status?: unknown };
  if (status === 413) return new Refusal('too_large', 'The request is too large.', { cause: error });
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new Refusal('bad_request', 'The request could not be read. Go back and try again.', { cause: error });
  }
  return new Refusal(
    'internal',
    'Something went wrong here. Try again; the log has the reason under this request id.',
    {
      cause: error,
    },
  );
}
