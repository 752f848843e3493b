/**
 * Owns `POST /registry-events/SERVICE`, to which registries send their notifications. A registry sends again whatever isn't
 * answered with 2xx, and everything behind it waits: so only what another try can help is answered otherwise.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorMessage, Refusal } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { isRepeated } from '../lib/repeated-header.ts';
import { hour, minute } from '../lib/time.ts';
import type { OnEvents } from './event-thread.ts';
import type { TakeEvents } from './intake.ts';

export const eventsPath = '/registry-events/';

export type EventService = {
  readonly name: string;
  /** Any of them; empty: no events are taken. */
  readonly eventsTokens: readonly string[];
};

export type EventEndpointParts = {
  readonly services: readonly EventService[];
  readonly take: TakeEvents;
  readonly onEvents: OnEvents;
  readonly log: Pick<Log, 'warn' | 'error'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export type EventEndpoint = {
  /** Answers every request, failures included: the promise never rejects. @param service percent-encoded, as the path has it */
  answer(request: IncomingMessage, response: ServerResponse, service: string): Promise<void>;
  /** What an operator should look at: tokens and events that were refused in the last hour. */
  warnings(): readonly string[];
};

/** Bytes. */
const maximumBody = 1 << 20;
/** Of what is too long, so much is read on, so that the registry hears the answer. */
const maximumDrained = 64 << 20;

export function createEventEndpoint(parts: EventEndpointParts): EventEndpoint {
  const services = new Map(
    parts.services.map(({ name, eventsTokens }) => [name, { name, hashes: eventsTokens.map(hashOf) }]),
  );
  const troubles = createTroubles(parts);
  const handle = async (request: IncomingMessage, encoded: string): Promise<number> => {
    if (request.method !== 'POST') return 405;
    const service = services.get(decoded(encoded));
    if (service === undefined || service.hashes.length === 0) {
      // Not of every stranger who tries addresses.
      const isRegistry = request.headers.authorization !== undefined;
      if (isRegistry && service !== undefined) troubles.note(service.name, 'not taken', advice['not taken']);
      else if (isRegistry) troubles.note(anyName(encoded), 'unknown service', advice['unknown service'], '');
      return 404;
    }
    const isAmbiguous = isRepeated(request, 'authorization');
    if (isAmbiguous || !hasToken(request.headers, service.hashes)) {
      parts.onEvents(service.name, 'other', 'refused', 1);
      troubles.note(service.name, 'wrong token', 'the events of a registry come with a wrong token');
      return isAmbiguous ? 400 : 401;
    }
    const body = await readBody(request);
    const taken = body === null ? 'too long' : await parts.take(service.name, body);
    if (taken === 'stored') return 200;
    if (taken !== 'partly') parts.onEvents(service.name, 'other', 'invalid', 1);
    troubles.note(service.name, 'dropped', whyDropped[taken]);
    return 200;
  };
  return {
    async answer(request, response, encoded) {
      try {
        end(response, await handle(request, encoded));
      } catch (error) {
        // A connection that broke gets no answer; what can't be known to be stored isn't taken as such.
        const isExpected = error instanceof Refusal && error.code === 'unavailable';
        if (!isExpected && !request.errored) parts.log.error({ err: error }, errorMessage(error));
        if (isExpected) troubles.note(decoded(encoded), 'unavailable', 'events of a registry wait for the database');
        end(response, 503, isExpected ? error.retryAfter : undefined);
      }
    },
    warnings: troubles.warnings,
  };
}

function end(response: ServerResponse, status: number, retryAfter?: number): void {
  if (response.headersSent || response.destroyed) return;
  response.setHeader('Cache-Control', 'no-store');
  if (status === 405) response.setHeader('Allow', 'POST');
  if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  if (retryAfter !== undefined) response.setHeader('Retry-After', retryAfter);
  response.writeHead(status, { 'Content-Length': '0' }).end();
}

/** What someone wrote where a service should be, short enough for a log. */
function anyName(encoded: string): string {
  return (decoded(encoded) || encoded).slice(0, 100);
}

/** @returns what no service is called where it can't be decoded */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/** Hashes are of one length, so the comparison takes as long whatever was sent. */
function hasToken({ authorization = '' }: IncomingMessage['headers'], hashes: readonly Buffer[]): boolean {
  const [, given = ''] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
  const ofGiven = hashOf(given);
  return hashes.map((known) => timingSafeEqual(known, ofGiven)).includes(true);
}

function hashOf(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

const whyDropped = {
  partly: 'dropped an event of a registry: a name, tag or digest is invalid',
  unreadable: 'dropped a request: it isn’t a notification of a registry',
  'too long': 'dropped a notification of a registry: it has more than 1 MB',
} as const;

/**
 * By its events: what an iterator needs would be a quarter of the garbage that a single event makes.
 * @returns its pieces as they came; `null` for what is too long
 */
function readBody(request: IncomingMessage): Promise<readonly Uint8Array[] | null> {
  return new Promise((resolve, reject) => {
    // Without a body it begins as one that was read (http/server.ts), and has no events.
    if (request.readableEnded) resolve([]);
    const chunks: Uint8Array[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maximumBody) chunks.push(chunk);
      else chunks.length = 0;
      if (length <= maximumDrained) return;
      resolve(null);
      request.destroy();
    });
    request.on('end', () => resolve(length > maximumBody ? null : chunks));
    request.on('error', reject);
    request.on('close', () => {
      if (!request.readableEnded) reject(new Error('the connection ended before all had arrived'));
    });
  });
}

type Trouble = 'wrong token' | 'not taken' | 'unknown service' | 'dropped' | 'unavailable';

/** One line a minute for each kind and service, as a registry that is refused tries again every second. */
function createTroubles({ log, now }: Pick<EventEndpointParts, 'log' | 'now'>) {
  const known = new Map<string, { service: string; trouble: Trouble; count: number; at: number; loggedAt: number }>();
  return {
    /** @param one what has lines of its own, if it isn't each service: names that strangers make up share theirs */
    note(service: string, trouble: Trouble, message: string, one = service): void {
      const key = `${trouble}\0${one}`;
      const at = now();
      const before = known.get(key);
      const isRecent = before !== undefined && Math.abs(at - before.at) < hour;
      const count = isRecent ? before.count + 1 : 1;
      const isLogged = before !== undefined && Math.abs(at - before.loggedAt) < minute;
      known.set(key, { service, trouble, count, at, loggedAt: isLogged ? before.loggedAt : at });
      if (!isLogged) log.warn({ service, count }, message);
    },
    warnings(): string[] {
      const recent = [...known.values()].filter(({ at }) => Math.abs(now() - at) < hour);
      return recent.flatMap(({ service, trouble, count }) =>
        trouble === 'unavailable' ? [] : [`${advice[trouble]} (${service}, ${count})`],
      );
    },
  };
}

/** A database that is away has its own warnings. */
const advice = {
  'wrong token':
    'a registry reports with a wrong token, and tries again forever: its notifications need the value of SERVICE_<NAME>_EVENTS_TOKEN',
  'not taken':
    'a registry reports what Dockpass does not take, and tries again forever: set SERVICE_<NAME>_EVENTS_TOKEN, or remove the endpoint from its notifications',
  'unknown service':
    'a registry reports for a service that is not in SERVICES, and tries again forever: correct the URL of the endpoint in its notifications',
  dropped: 'events of a registry were dropped in the last hour, because they can never be stored: the log says why',
} satisfies Partial<Record<Trouble, string>>;
