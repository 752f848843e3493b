/** Owns how a line of the log reads on a terminal: time, level, message, then its fields. */
import { fieldsIn } from './json.ts';
import { withoutInvisible } from './unicode.ts';

const colors: Readonly<Record<string, number>> = { debug: 2, warn: 33, error: 31 };

/**
 * @param line one JSON object, as the log writes it
 * @param color whether the terminal has colors
 */
export function formatLogLine(line: string, color: boolean): string {
  const { level, time, msg, err, ...fields } = fieldsIn(JSON.parse(line));
  const word = String(level);
  const number = colors[word];
  const shown = color && number !== undefined ? `\u001b[${number}m${word.padEnd(5)}\u001b[0m` : word.padEnd(5);
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${valueText(value)}`);
  const head = [
    String(time).slice('2026-11-30T'.length, -'.000Z'.length),
    shown,
    withoutInvisible(String(msg ?? '')),
    ...pairs,
  ];
  return [head.join('  '), ...errorLines(err)].map((text) => `${text}\n`).join('');
}

/** Strangers choose some values: what a terminal obeys or no one sees goes, and a value can't look like another field. */
function valueText(value: unknown): string {
  const text = typeof value === 'string' ? withoutInvisible(value) : withoutInvisible(JSON.stringify(value));
  return typeof value === 'string' && /[\s="]|^$/.test(text) ? JSON.stringify(text) : text;
}

function errorLines(err: unknown): string[] {
  if (err === undefined) return [];
  const { stack, message } = fieldsIn(err);
  const text = typeof stack === 'string' ? stack : typeof message === 'string' ? message : JSON.stringify(err);
  return text.split('\n').map((line) => `    ${withoutInvisible(line)}`);
}
