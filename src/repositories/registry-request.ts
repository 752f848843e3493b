/** Owns one request of Dockpass to a registry: no redirect is followed, the answer is bounded, and it comes whole or not at all. */
import type { IncomingHttpHeaders } from 'node:http';
import { getCACertificates } from 'node:tls';
import { errorMessage, Refusal } from '../lib/errors.ts';
import { readLimited } from '../lib/limited-body.ts';
import { http, https } from '../lib/node-http.ts';

export type RegistryReply = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };

export type RegistryQuestion = {
  readonly method: 'GET' | 'HEAD' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body; a longer one is an error. */
  readonly maximum: number;
};

/** @throws {Refusal} `bad_gateway` where no whole answer came: nothing is known then */
export type AskRegistry = (url: URL, question: RegistryQuestion) => Promise<RegistryReply>;

/** Milliseconds for the whole answer; a catalog on object storage takes its time. */
const longestWait = 30_000;

/** @param authority PEM certificates that are trusted beside the system's; `null`: none */
export function createAskRegistry(authority: string | null): AskRegistry {
  const ca = [
    ...getCACertificates('default'),
    ...getCACertificates('system'),
    ...(authority === null ? [] : [authority]),
  ];
  const secureAgent = new https.Agent({ keepAlive: true, maxSockets: 8, timeout: longestWait, ca });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8, timeout: longestWait });
  return (url, { method, headers, maximum }) =>
    new Promise((resolve, reject) => {
      const fail = (error: unknown): void => reject(unreadable(url, errorMessage(error), error));
      const options = { method, headers, signal: AbortSignal.timeout(longestWait) };
      const request =
        url.protocol === 'https:'
          ? https.request(url, { ...options, agent: secureAgent })
          : http.request(url, { ...options, agent });
      request.once('error', fail);
      request.once('response', (response) => {
        // Node ends with an error where the connection was cut before the end.
        readLimited(response, maximum, 'the answer').then(
          (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          fail,
        );
      });
      request.end();
    });
}

/** What was asked for is unknown: neither there nor gone. */
export function unreadable(url: URL, reason: string, cause?: unknown): Refusal {
  return new Refusal('bad_gateway', `The registry at ${url.origin} could not be read (${url.pathname}): ${reason}`, {
    cause,
  });
}
