/** Owns the limits of every call to a provider: it may hang or send without end, and must not take the process with it. */

/** Narrower than `typeof fetch`, so that libraries and tests agree on it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Milliseconds for a whole call, body included. */
const defaultTimeout = 5_000;
/** Bytes of an answer after decompression; discovery documents and key sets are a few KB. */
const maximumBytes = 1_048_576;

/**
 * Wraps `fetch`: the answer's body is read at once, within the time and size limits, and redirects are not followed.
 * The returned function rejects with `TimeoutError`, with `TypeError` where nobody answers, or when the answer is too long.
 */
export function limitFetch(fetch: Fetch, timeout: number = defaultTimeout): Fetch {
  return async (url, init) => {
    const signals = [AbortSignal.timeout(timeout), ...(init.signal ? [init.signal] : [])];
    const response = await fetch(url, { ...init, signal: AbortSignal.any(signals), redirect: 'manual' });
    const body = await readLimited(response);
    return new Response(body.length > 0 ? body : null, { status: response.status, headers: response.headers });
  };
}

async function readLimited(response: Response): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maximumBytes) throw new Error(`the provider's answer is longer than ${maximumBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Whether the error of a call means that nobody answered, or not in time. */
export function isNoAnswer(error: unknown): boolean {
  const { name, code } = error as { name?: string; code?: string };
  return name === 'TimeoutError' || name === 'AbortError' || name === 'TypeError' || code === 'OAUTH_TIMEOUT';
}
