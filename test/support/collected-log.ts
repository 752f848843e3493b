/** Owns a log that keeps its lines for a test to read. */
import type { Log } from '../../src/lib/log.ts';

export type Line = { fields: Record<string, unknown>; message: string };

export function collectLog(): { log: Log; lines: Line[] } {
  const lines: Line[] = [];
  const write = (fields: object, message: string) => lines.push({ fields: fields as Record<string, unknown>, message });
  return { lines, log: { debug: write, info: write, warn: write, error: write } };
}
