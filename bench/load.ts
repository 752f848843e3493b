/** Owns one run of wrk: requests in, requests a second and latencies out. */
import { join } from 'node:path';
import { runProgram } from '../test/support/process.ts';

export type Load = {
  readonly url: string;
  readonly headers: readonly string[];
  readonly seconds: number;
  readonly connections: number;
  /** Each request asks for another repository, so that no two are the same. */
  readonly distinct?: boolean | undefined;
  /** A file: each line is the form of a POST, in turn. */
  readonly forms?: string | undefined;
  /** Milliseconds that each connection waits before a request: less than full load. */
  readonly delay?: number;
  /** Wrong passwords a second that arrive beside it, each of another user name and address. */
  readonly flood?: number | undefined;
};

/** Latencies in milliseconds. */
export type Measured = { readonly requests: number; readonly rate: number; readonly p50: number; readonly p99: number };

const script = join(import.meta.dirname, 'load.lua');
const floodScript = join(import.meta.dirname, 'flood.lua');

/** @throws {Error} with what wrk says, when a request failed or was not answered with 200 */
export async function runLoad(load: Load): Promise<Measured> {
  const { url, headers, seconds, connections } = load;
  const flooding = load.flood === undefined ? null : sendFlood(url, seconds, load.flood);
  const scripted = load.distinct === true || load.delay !== undefined || load.forms !== undefined;
  const { code, output } = await runProgram('wrk', [
    '--threads=1',
    `--connections=${connections}`,
    `--duration=${seconds}s`,
    '--latency',
    ...headers.flatMap((header) => ['--header', header]),
    ...(scripted ? ['--script', script] : []),
    url,
    ...(scripted ? ['--', String(load.distinct === true), String(load.delay ?? 0)] : []),
    ...(load.forms === undefined ? [] : [load.forms]),
  ]);
  await flooding;
  if (code !== 0 || /Non-2xx|Socket errors/.test(output)) throw new Error(`wrk on ${url}:\n${output}`);
  return {
    requests: Number(field(output, /(\d+) requests in/)),
    rate: Number(field(output, /Requests\/sec:\s+([\d.]+)/)),
    p50: milliseconds(field(output, /^ *50% +(\S+)/m)),
    p99: milliseconds(field(output, /^ *99% +(\S+)/m)),
  };
}

/** Its answers are of no interest, as long as there are some. */
async function sendFlood(url: string, seconds: number, rate: number): Promise<void> {
  const connections = 10;
  const { code, output } = await runProgram('wrk', [
    ...['--threads=1', `--connections=${connections}`, `--duration=${seconds}s`, '--script', floodScript, url],
    ...['--', String((connections * 1000) / rate)],
  ]);
  if (code !== 0 || !/requests in/.test(output)) throw new Error(`wrk with wrong passwords:\n${output}`);
}

/** @throws {Error} with all of `output`, where the pattern isn't in it */
export function field(output: string, pattern: RegExp): string {
  const [, value] = pattern.exec(output) ?? [];
  if (value === undefined) throw new Error(`wrk printed something else than usual:\n${output}`);
  return value;
}

/** "830.00us", "1.23ms", "2.00s", "1.01m" */
function milliseconds(text: string): number {
  const units: Record<string, number> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };
  const [, number, unit = ''] = /^([\d.]+)(\D+)$/.exec(text) ?? [];
  const factor = units[unit];
  if (factor === undefined) throw new Error(`wrk printed a time in a unit that is not known: ${text}`);
  return Number(number) * factor;
}
