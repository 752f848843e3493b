/** Owns one call of the Kubernetes API, and one exchange at Dockpass: JSON over TLS, within limits, no redirect followed. */
import type { IncomingMessage } from 'node:http';
import { getCACertificates } from 'node:tls';
import { isRecord } from '../lib/json.ts';
import { readLimited } from '../lib/limited-body.ts';
import { http, https } from '../lib/node-http.ts';
import type { Cluster } from '../workload/cluster.ts';

export type Call = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** PEM that is trusted beside the usual certificates. */
  readonly ca?: string | null;
};

export type Answer = { readonly status: number; readonly body: Readonly<Record<string, unknown>> };

/** @throws {Error} where there is no answer in time */
export type Send = (call: Call) => Promise<Answer>;

/** Milliseconds for the whole answer. */
const timeout = 10_000;
/** Bytes: a list of many thousands of namespaces. */
const maximumBytes = 64 * 1024 * 1024;

export const send: Send = async ({ method, url, headers = {}, body = '', ca = null }) => {
  const options = { agent: false as const, method, headers: { Accept: 'application/json', ...headers } };
  const trust = ca === null ? {} : { ca: [...getCACertificates('default'), ca] };
  const signal = AbortSignal.timeout(timeout);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? https.request(url, { ...options, ...trust, signal })
        : http.request(url, { ...options, signal });
    request.once('error', (cause: Error) =>
      reject(new Error(`${url.host} doesn't answer: ${cause.message}`, { cause })),
    );
    request.once('response', resolve);
    request.end(body);
  });
  const text = (await readLimited(response, maximumBytes, `the answer of ${url.host}`)).toString();
  return { status: response.statusCode ?? 0, body: readObject(text) };
};

/** The page that a proxy shows for an error isn't JSON. */
function readObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

/** A call of the API server with the cluster's login. */
export function callCluster(
  { cluster, send }: { readonly cluster: Cluster; readonly send: Send },
  method: Call['method'],
  path: string,
  body?: object,
): Promise<Answer> {
  const { server, ca, token } = cluster;
  return send({
    method,
    url: new URL(path, server),
    ca,
    headers: {
      ...(token !== null && { Authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

/** What the API server says, which names no secret's content. */
export function reasonOf({ status, body }: Answer): string {
  const { message } = body;
  return typeof message === 'string' ? `${status} ${message}` : `the API server answers ${status}`;
}
