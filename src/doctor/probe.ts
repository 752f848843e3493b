/** Owns one HTTP request as a registry client sends it: no redirect followed, TLS judged and, where asked, overlooked. */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { getCACertificates, type PeerCertificate, TLSSocket } from 'node:tls';
import { errorCode, errorMessage } from '../lib/errors.ts';
import { http, https } from '../lib/node-http.ts';

export type Reply = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** At most the first 64 KiB. */
  readonly body: string;
  /** Of the server; null over plain http. */
  readonly certificate: PeerCertificate | null;
};

export type Question = {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Continues although the server's certificate proves nothing. */
  readonly overlookTls?: boolean;
};

/** @throws {ProbeError} */
export type Probe = (url: URL, question?: Question) => Promise<Reply>;

/** There was no answer; `kind` says whether TLS was the reason. */
export class ProbeError extends Error {
  override readonly name = 'ProbeError';
  readonly kind: 'tls' | 'connection';
  /** Of Node or of OpenSSL: "ECONNREFUSED", "CERT_HAS_EXPIRED". */
  readonly code: string;
  constructor(cause: NodeJS.ErrnoException) {
    // Several addresses of one name were tried: the reasons are inside.
    const inner: unknown = cause instanceof AggregateError ? cause.errors[0] : undefined;
    super(cause.message || (inner === undefined ? String(cause) : errorMessage(inner)), { cause });
    this.code = errorCode(cause) || errorCode(inner);
    this.kind = /CERT|SSL|TLS|SIGNATURE|^EPROTO$/.test(this.code) ? 'tls' : 'connection';
  }
}

/** Milliseconds; registry clients give a realm 15 seconds. */
const longestWait = 15_000;
const maximumBody = 64 * 1024;

/** @param authorities PEM certificates that are trusted beside the system's */
export function createProbe(authorities: readonly string[]): Probe {
  // As Docker does: what the operating system trusts counts too.
  const ca = [...getCACertificates('default'), ...getCACertificates('system'), ...authorities];
  return (url, { method = 'GET', headers = {}, overlookTls = false } = {}) =>
    new Promise((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException): void => reject(new ProbeError(error));
      const options = { method, headers, agent: false, signal: AbortSignal.timeout(longestWait) };
      const secure = { ...options, ca, rejectUnauthorized: !overlookTls };
      const request = url.protocol === 'https:' ? https.request(url, secure) : http.request(url, options);
      request.once('error', (error: NodeJS.ErrnoException) =>
        fail(error.name === 'AbortError' || error.name === 'TimeoutError' ? noAnswer(error) : error),
      );
      request.once('response', (response) => {
        const { socket } = response;
        const certificate = socket instanceof TLSSocket ? socket.getPeerCertificate() : null;
        readBody(response).then(
          (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body, certificate }),
          fail,
        );
      });
      request.end();
    });
}

function noAnswer(cause: Error): NodeJS.ErrnoException {
  return Object.assign(new Error(`no answer in ${longestWait / 1000} seconds`, { cause }), { code: 'ETIMEDOUT' });
}

async function readBody(response: IncomingMessage): Promise<string> {
  let body = '';
  for await (const text of response.setEncoding('utf8')) {
    body += text;
    if (body.length >= maximumBody) break;
  }
  return body.slice(0, maximumBody);
}
