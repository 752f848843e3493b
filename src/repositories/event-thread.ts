/**
 * Owns the thread that stores what registries report: thousands of events a second, each with its rows, would hold up
 * logins on the main thread. It is started when the first event arrives, and again after it failed.
 */
import { Worker } from 'node:worker_threads';
import { Refusal } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { EventWorkerData, FromEventWorker, ToEventWorker } from './event-worker.ts';
import type { EventAction } from './events.ts';
import type { TakeEvents, Taken } from './intake.ts';
import type { EventOutcome, RecorderParts } from './recorder.ts';

export type EventThread = {
  readonly take: TakeEvents;
  /** Stores for the last time, and ends the thread. */
  close(): Promise<void>;
};

/** Called for events of one kind that had the same outcome. */
export type OnEvents = (service: string, action: EventAction, outcome: EventOutcome, count: number) => void;

export type EventThreadParts = Pick<RecorderParts, 'onError'> & {
  readonly databaseUrl: string;
  /** The users of the policy file; another object once they changed. */
  readonly staticUsers: () => Pick<ReadonlyMap<string, unknown>, 'keys'>;
  readonly onEvents: OnEvents;
  readonly log: Pick<Log, 'error'>;
};

/** Bytes that can wait for the thread; with more, registries are to try again. Read, they take up to ten times the memory. */
const maximumWaiting = 16 << 20;

export function createEventThread(parts: EventThreadParts): EventThread {
  const waiting = createWaiting();
  let current: { readonly worker: Worker; users: ReturnType<EventThreadParts['staticUsers']> | undefined } | undefined;
  let count = 0;
  let isClosing = false;

  const start = () => {
    const workerData: EventWorkerData = { databaseUrl: parts.databaseUrl };
    const worker = new Worker(new URL('./event-worker.ts', import.meta.url), { workerData });
    // What keeps the process alive is its server.
    worker.unref();
    worker.on('message', (message: FromEventWorker) => receive(parts, waiting, message));
    let failure: unknown;
    worker.on('error', (error) => {
      failure = error;
    });
    worker.on('exit', () => {
      current = undefined;
      if (!isClosing) {
        parts.log.error({ err: failure }, 'the thread that stores events ended; the next event starts another');
      }
      waiting.rejectAll();
    });
    current = { worker, users: undefined };
    return current;
  };
  return {
    async take(service, body) {
      const size = body.reduce((sum, piece) => sum + piece.length, 0);
      if (isClosing || waiting.bytes() + size > maximumWaiting) {
        parts.onEvents(service, 'other', 'unavailable', 1);
        throw tryAgain();
      }
      const thread = current ?? start();
      const post = (message: ToEventWorker, transferred: ArrayBuffer[] = []) =>
        thread.worker.postMessage(message, transferred);
      const users = parts.staticUsers();
      if (thread.users !== users) post({ kind: 'static users', logins: [...users.keys()] });
      thread.users = users;
      const id = ++count;
      const pieces = body.map(asWhole);
      post(
        { kind: 'take', id, service, body: pieces },
        pieces.map(({ buffer }) => buffer),
      );
      return waiting.add(id, size);
    },
    async close() {
      isClosing = true;
      if (current === undefined) return;
      const { worker } = current;
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      worker.ref();
      worker.postMessage({ kind: 'close' } satisfies ToEventWorker);
      await ended;
    },
  };
}

/**
 * With a buffer of its own, which can be handed over: of copies, this thread would collect the garbage, at these rates five
 * times a second for ten milliseconds.
 */
function asWhole(piece: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = piece;
  return buffer instanceof ArrayBuffer && buffer.byteLength === piece.length
    ? new Uint8Array(buffer)
    : new Uint8Array(piece);
}

function receive(
  { onEvents, onError, log }: EventThreadParts,
  waiting: ReturnType<typeof createWaiting>,
  message: FromEventWorker,
): void {
  if (message.kind === 'unstored') onError(message.unstored);
  else if (message.kind === 'idle error') log.error({ err: message.error }, 'idle database connection');
  else {
    for (const { service, action, outcome, count } of message.counts) onEvents(service, action, outcome, count);
    const { id, answer } = message;
    if ('taken' in answer) waiting.settle(id, ({ resolve }) => resolve(answer.taken));
    else if ('error' in answer) waiting.settle(id, ({ reject }) => reject(answer.error));
    else waiting.settle(id, ({ reject }) => reject(tryAgain(answer.unavailable, answer.retryAfter)));
  }
}

function tryAgain(message = 'Events cannot be stored right now. Send them again.', retryAfter = 1): Refusal {
  return new Refusal('unavailable', message, { retryAfter });
}

type Settle = PromiseWithResolvers<Taken>;

/** What the thread hasn't answered yet. */
function createWaiting() {
  const requests = new Map<number, { readonly settle: Settle; readonly size: number }>();
  let bytes = 0;
  const settle = (id: number, how: (settle: Settle) => void): void => {
    const request = requests.get(id);
    if (request === undefined) return;
    requests.delete(id);
    bytes -= request.size;
    how(request.settle);
  };
  return {
    settle,
    bytes: () => bytes,
    add(id: number, size: number): Promise<Taken> {
      const request = { settle: Promise.withResolvers<Taken>(), size };
      requests.set(id, request);
      bytes += size;
      return request.settle.promise;
    },
    /** The thread ended. What it had in hand may be stored: a registry sends it again, and duplicates don't count. */
    rejectAll(): void {
      for (const id of [...requests.keys()]) settle(id, ({ reject }) => reject(tryAgain()));
    },
  };
}
