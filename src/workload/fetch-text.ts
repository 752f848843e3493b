/** Owns one question to an issuer: a GET within limits, no redirect followed. */
import type { IncomingMessage } from 'node:http';
import { getCACertificates } from 'node:tls';
import { readLimited } from '../lib/limited-body.ts';
import { http, https } from '../lib/node-http.ts';

/**
 * The body of the answer.
 * @throws {Error} where there is no answer in time, or it isn't a 200
 */
export type FetchText = (url: URL, options: FetchOptions) => Promise<string>;
export type FetchOptions = {
  /** PEM certificates that are trusted beside the usual ones, or `null`. */
  readonly ca: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** PEM, for a server that asks who connects. */
  readonly client?: { readonly cert: string; readonly key: string };
};

/** Milliseconds for the whole answer. */
const timeout = 5_000;
/** Bytes; key sets have a few KB. */
const maximumBytes = 1024 * 1024;

export const fetchText: FetchText = async (url, options) => {
  const response = await ask(url, options);
  const { statusCode = 0 } = response;
  if (statusCode !== 200) {
    response.destroy();
    const more = statusCode >= 300 && statusCode < 400 ? ', which is not followed' : '';
    throw new Error(`${url.href} answers ${statusCode}${more}`);
  }
  return (await readLimited(response, maximumBytes, `the answer of ${url.href}`)).toString();
};

function ask(url: URL, { ca, headers = {}, client }: FetchOptions): Promise<IncomingMessage> {
  const options = {
    agent: false,
    // A Kubernetes API server answers 406 where the type of key sets (RFC 7517, section 8.5.2) isn't named.
    headers: { Accept: 'application/json, application/jwk-set+json', ...headers },
    signal: AbortSignal.timeout(timeout),
  };
  const trust = { ...client, ...(ca !== null && { ca: [...getCACertificates('default'), ca] }) };
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:' ? https.request(url, { ...options, ...trust }) : http.request(url, options);
    request.once('error', (cause: Error) =>
      reject(new Error(`${url.href} does not answer: ${cause.message}`, { cause })),
    );
    request.once('response', resolve);
    request.end();
  });
}
