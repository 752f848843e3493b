/** Owns the limits of every call to a provider: it may hang or send without end, and must not take the process with it. */
import { errorCode } from '../lib/errors.ts';
import { readLimited } from '../lib/limited-body.ts';

/** Narrower than `typeof fetch`, so that libraries and tests agree on it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Milliseconds for a whole call, body included. */
const defaultTimeout = 5_000;
/** Bytes of an answer after decompression; discovery documents and key sets are a few KB. */
const maximumBytes = 1_048_576;

/**
 * Calls at the same time, of one provider: everyone who signs in on a Monday at nine would make each other's answers
 * come too late. The rest wait for their turn, before their time begins to count.
 */
const callsAtOnce = 32;
/** Milliseconds; after this wait the answer is that the provider doesn't respond. */
const longestWait = 20_000;

/**
 * Wraps `fetch`: the answer's body is read immediately, within the time and size limits, and redirects are not followed.
 * The returned function rejects with `TimeoutError`, with `TypeError` if nothing answers, or when the answer is too long.
 */
export function limitFetch(fetch: Fetch, timeout: number = defaultTimeout): Fetch {
  const inTurn = createTurns();
  const call: Fetch = async (url, init) => {
    const signals = [AbortSignal.timeout(timeout), ...(init.signal ? [init.signal] : [])];
    const response = await fetch(url, { ...init, signal: AbortSignal.any(signals), redirect: 'manual' });
    const body = await readLimited(response.body, maximumBytes, "the provider's answer");
    return new Response(body.length > 0 ? body : null, { status: response.status, headers: response.headers });
  };
  return (url, init) => inTurn(() => call(url, init));
}

function createTurns(): (work: () => Promise<Response>) => Promise<Response> {
  /** What lets each of those go on who wait, the longest first. */
  const line = new Set<() => void>();
  let free = callsAtOnce;
  const enter = (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      line.delete(proceed);
      reject(new DOMException('too many calls to the provider wait already', 'TimeoutError'));
    }, longestWait);
    const proceed = (): void => {
      clearTimeout(timer);
      resolve();
    };
    line.add(proceed);
    return promise;
  };
  const leave = (): void => {
    const [next] = line;
    if (next === undefined) {
      free += 1;
      return;
    }
    line.delete(next);
    next();
  };
  return async (work) => {
    if (free > 0) free -= 1;
    else await enter();
    return work().finally(leave);
  };
}

/** Whether the error of a call means that nothing answered, or not in time. */
export function isNoAnswer(error: unknown): boolean {
  const { name, message } = error instanceof Error ? error : { name: '', message: '' };
  if (name === 'TimeoutError' || name === 'AbortError' || errorCode(error) === 'OAUTH_TIMEOUT') return true;
  // What fetch says of a host that is not there, or that hangs up; other TypeErrors are mistakes of ours.
  return name === 'TypeError' && (message === noAnswer || message === 'terminated');
}

const noAnswer = 'fetch failed';

/** For an answer that is worth no more than none, such as the error page of a proxy. @param reason for the log */
export function noAnswerError(reason: string, cause?: unknown): Error {
  return new TypeError(noAnswer, { cause: new NoAnswer(reason, { cause }) });
}

class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** What `noAnswerError` was made with; `null` for other errors. */
export function noAnswerReason(error: unknown): string | null {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof NoAnswer ? cause.message : null;
}
