/** Owns how a length of time is written in the workloads file: `90s`, `30m`, `1h`. */

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };

/** In seconds; `null` for a text of another form. */
export function parseDuration(text: string): number | null {
  const [, count, unit = ''] = /^(\d{1,6})([smh])$/.exec(text) ?? [];
  return count === undefined ? null : Number(count) * (seconds[unit] ?? 0);
}

/** "90s", "30m", "1h": the largest unit without a rest. */
export function formatDuration(length: number): string {
  if (length % 3_600 === 0 && length > 0) return `${length / 3_600}h`;
  return length % 60 === 0 && length > 0 ? `${length / 60}m` : `${length}s`;
}
