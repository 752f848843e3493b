/** Runs in a thread of its own, with its own connection to the database: stores what registries report. */
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { errorMessage, Refusal } from '../lib/errors.ts';
import type { Unstored } from '../lib/write-behind.ts';
import { openStore } from '../store/open.ts';
import type { EventAction } from './events.ts';
import { createIntake, type TakeEvents, type Taken } from './intake.ts';
import { createEventRecorder, type EventOutcome } from './recorder.ts';

/** What the thread starts with. */
export type EventWorkerData = { readonly databaseUrl: string };

export type ToEventWorker =
  | { readonly kind: 'take'; readonly id: number; readonly service: string; readonly body: readonly Uint8Array[] }
  /** The users of the policy file, from now on. */
  | { readonly kind: 'static users'; readonly logins: readonly string[] }
  /** Store what waits, and end. */
  | { readonly kind: 'close' };

export type FromEventWorker =
  | { readonly kind: 'taken'; readonly id: number; readonly answer: Answer; readonly counts: readonly EventCount[] }
  | { readonly kind: 'unstored'; readonly unstored: Unstored }
  | { readonly kind: 'idle error'; readonly error: Error };

/** Errors lose their class on the way between threads, so what a refusal says is sent by itself. */
type Answer =
  | { readonly taken: Taken }
  | { readonly unavailable: string; readonly retryAfter: number | undefined }
  | { readonly error: Error };

export type EventCount = {
  readonly service: string;
  readonly action: EventAction;
  readonly outcome: EventOutcome;
  readonly count: number;
};

type Opened = { readonly take: TakeEvents; close(): Promise<void> };

giveWay();
let staticUsers: ReadonlySet<string> = new Set();
let opened: Promise<Opened> | undefined;
const counts = new Map<string, EventCount>();

parentPort?.on('message', (message: ToEventWorker) => {
  if (message.kind === 'static users') staticUsers = new Set(message.logins);
  else if (message.kind === 'take') void take(message.id, message.service, message.body);
  else void close();
});

/** Logins come first where processors are few. On Linux a thread has a priority of its own; elsewhere the process would get it. */
function giveWay(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Where a sandbox forbids it, all threads are equal.
  }
}

async function take(id: number, service: string, body: readonly Uint8Array[]): Promise<void> {
  const answer = await answerTo(service, body);
  const counted = [...counts.values()];
  counts.clear();
  send({ kind: 'taken', id, answer, counts: counted });
}

async function answerTo(service: string, body: readonly Uint8Array[]): Promise<Answer> {
  try {
    opened ??= open();
    const { take } = await opened;
    return { taken: await take(service, body) };
  } catch (error) {
    if (!(error instanceof Refusal && error.code === 'unavailable')) return { error: sendable(error) };
    return { unavailable: error.message, retryAfter: error.retryAfter };
  }
}

async function open(): Promise<Opened> {
  try {
    const { databaseUrl }: EventWorkerData = workerData;
    const store = await openStore(databaseUrl, (error) => send({ kind: 'idle error', error: sendable(error) }));
    const recorder = createEventRecorder({
      store: store.registryEvents,
      isStaticUser: (login) => staticUsers.has(login),
      onEvent: count,
      onError: (unstored) => send({ kind: 'unstored', unstored: { ...unstored, error: sendable(unstored.error) } }),
      now: Date.now,
    });
    return {
      take: createIntake(recorder, Date.now),
      async close() {
        await recorder.close();
        await store.close();
      },
    };
  } catch (error) {
    // The next request tries again.
    opened = undefined;
    throw error;
  }
}

async function close(): Promise<void> {
  const last = await opened?.catch(() => undefined);
  await last?.close();
  parentPort?.close();
}

/** Sent with the next answer: a message for each event would cost more than the event. */
function count(service: string, action: EventAction, outcome: EventOutcome): void {
  const key = [service, action, outcome].join('\0');
  const before = counts.get(key)?.count ?? 0;
  counts.set(key, { service, action, outcome, count: before + 1 });
}

/** Without what can't be copied to another thread. */
function sendable(error: unknown): Error {
  const copy = new Error(errorMessage(error));
  if (error instanceof Error && error.stack !== undefined) copy.stack = error.stack;
  return copy;
}

function send(message: FromEventWorker): void {
  parentPort?.postMessage(message);
}
