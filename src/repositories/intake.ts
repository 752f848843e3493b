/** Owns what is done with the body that a registry sent: it's read, its events are stored, and each is counted. */
import { readEvents } from './events.ts';
import type { EventRecorder } from './recorder.ts';

/** `unreadable`: no notification of a registry. `partly`: without events that can never be stored. */
export type Taken = 'stored' | 'partly' | 'unreadable';

/**
 * Resolves once what can ever be stored is.
 * @param body its bytes in pieces, as they came; they can't be read any more afterwards
 * @throws {Refusal} `unavailable` where it can't be stored now: the registry is to try again
 */
export type TakeEvents = (service: string, body: readonly Uint8Array[]) => Promise<Taken>;

/** @param now epoch milliseconds */
export function createIntake(recorder: Pick<EventRecorder, 'record'>, now: () => number): TakeEvents {
  return async (service, body) => {
    const events = readEvents(Buffer.concat(body).toString('utf8'), now());
    if (events === null) return 'unreadable';
    await recorder.record(service, events);
    return events.some(({ read }) => read === 'invalid') ? 'partly' : 'stored';
  };
}
