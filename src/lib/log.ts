/** Owns the form of the log: one line per event on standard output, JSON with the time in ISO 8601, or text for a terminal. */
import cluster from 'node:cluster';
import { pino } from 'pino';
import { formatLogLine } from './log-text.ts';
import { hideSecrets } from './secret.ts';

export type Log = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export const logFormats = ['json', 'text'] as const;
export type LogFormat = (typeof logFormats)[number];

/**
 * No header, query, body or whole request is logged: lines are built from named fields, so there is
 * nothing to redact.
 * @param format `null`: text where standard output is a terminal, JSON elsewhere; the first log of a process decides
 */
export function createLog(level: LogLevel, format: LogFormat | null = null): Log {
  const options = {
    level,
    base: cluster.worker === undefined ? null : { worker: cluster.worker.id },
    timestamp: createTimestamp(),
    formatters: { level: (label: string) => ({ level: label }) },
  };
  output ??= createOutput(readsText(format));
  return pino(options, output);
}

/** One for all logs of a process: its lines are in order, and wait for its end once. */
let output: ReturnType<typeof createOutput> | undefined;

/** Whether people read the log: on a terminal, unless the format is set. */
export function readsText(format: LogFormat | null): boolean {
  return format === null ? process.stdout.isTTY === true : format === 'text';
}

/** pino's `isoTime`, written once a millisecond: under load many lines have the same. */
function createTimestamp(): () => string {
  let [at, text] = [Number.NaN, ''];
  return () => {
    const now = Date.now();
    if (now !== at) [at, text] = [now, `,"time":"${new Date(now).toISOString()}"`];
    return text;
  };
}

/** Printable ASCII and the end of the line. */
const plain = /^[ -~]*\n$/;

/**
 * A line without what strangers can put into a service, a scope or an error message: anything that looks like our secrets,
 * and what a terminal obeys or is invisible (C1, direction marks). JSON escapes the rest.
 */
function safe(line: string): string {
  if (plain.test(line) && !line.includes('dk')) return line;
  return hideSecrets(line.replaceAll(/(?!\n)[\p{Cc}\p{Cf}]/gu, ''));
}

/** Characters kept for an output that takes none, a full disk; what comes then is dropped. */
const maximumKept = 1024 * 1024;

/** Whole lines where they fit, and less than is kept even of characters with four bytes: a longer text is dropped whole. */
const pieces = /.{1,200000}(?<=\n)|.{1,200000}/gsu;

/**
 * Standard output, written once a turn of the event loop: under load the lines of many requests are one system call, and
 * a single line waits for nothing. An uncaught error loses none; SIGKILL loses those of the turn.
 */
function createOutput(asText: boolean): { write(line: string): void } {
  const destination = pino.destination({ dest: 1, sync: true, maxLength: maximumKept });
  // There is nowhere left to report it. Without a listener the process would end.
  destination.on('error', () => {});
  const color = process.stdout.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
  let lines = '';
  const flush = (): void => {
    const text = lines;
    lines = '';
    for (const piece of text.match(pieces) ?? []) destination.write(piece);
  };
  process.once('exit', flush);
  return {
    write(line) {
      if (lines === '') setImmediate(flush);
      lines += asText ? formatLogLine(safe(line), color) : safe(line);
    },
  };
}
