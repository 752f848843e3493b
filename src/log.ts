/** Owns the form of the log: one JSON line an event on standard output, with the time in ISO 8601. */
import { pino } from 'pino';

export type Log = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * Nobody logs a header, a query, a body or a whole request: lines are built from named fields, so there is
 * nothing to redact.
 */
export function createLog(level: LogLevel): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, createOutput());
}

/** Bytes that wait at most, even within one turn of the event loop. */
const maximumWaiting = 8 * 1024;

/**
 * Standard output, written once a turn of the event loop: under load the lines of many requests are one system call, and
 * a single line waits for nothing. An uncaught error loses none; SIGKILL loses those of the turn.
 */
function createOutput(): { write(line: string): void } {
  const output = pino.destination({ dest: 1, sync: true, minLength: maximumWaiting });
  let waiting = false;
  const flush = (): void => {
    waiting = false;
    output.flushSync();
  };
  process.once('exit', flush);
  return {
    write(line) {
      output.write(line);
      if (waiting) return;
      waiting = true;
      setImmediate(flush);
    },
  };
}
