/** Owns one run of wrk that sends events as registries do: events in, what was acknowledged out. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { runProgram } from '../test/support/process.ts';
import { field } from './load.ts';

export type EventLoad = {
  readonly url: string;
  /** Who reports. */
  readonly service: string;
  readonly token: string;
  readonly seconds: number;
  readonly perRequest: number;
  /** Requests a second, sent at even distances whatever the answers take. */
  readonly rate: number;
  /** Whether connections stay open; if not, each request has a new one. */
  readonly keepAlive: boolean;
};

export type Reported = {
  /** Events of requests that were answered with 200. */
  readonly acknowledged: number;
  /** Requests that were answered with something else, and those that got no answer. */
  readonly refused: number;
};

/** More than wait for an answer at any time: the others wait for their turn. */
const connections = 32;
const script = join(import.meta.dirname, 'events.lua');

/** @throws {Error} with what wrk says, where that isn't understood */
export async function sendEvents(load: EventLoad): Promise<Reported> {
  const { url, service, token, seconds, perRequest, rate, keepAlive } = load;
  const { code, output } = await runProgram('wrk', [
    ...['--threads=1', `--connections=${connections}`, `--duration=${seconds}s`, '--script', script, url, '--'],
    ...[randomUUID(), service, token, String(perRequest), String(rate), String(keepAlive)],
  ]);
  if (code !== 0) throw new Error(`wrk with events:\n${output}`);
  const answered = Number(field(output, /(\d+) requests in/));
  const [, otherwise = '0'] = /Non-2xx or 3xx responses: (\d+)/.exec(output) ?? [];
  const [, errors = ''] = /Socket errors: (.+)/.exec(output) ?? [];
  const unanswered = (errors.match(/\d+/g) ?? []).reduce((sum, number) => sum + Number(number), 0);
  return { acknowledged: (answered - Number(otherwise)) * perRequest, refused: Number(otherwise) + unanswered };
}
