/** Owns how a value is written into a .env file. */
import { parseEnv } from 'node:util';

/** @returns what to write after `NAME=`, or `null` for a value that Node.js can't read back from a .env file as it is */
export function envValueOf(value: string): string | null {
  if (/^[\w./:@,+-]*$/.test(value)) return value;
  // The environment of a process ends a value there.
  if (value.includes('\0')) return null;
  const quoted = ["'", '"', '`'].map((mark) => `${mark}${value}${mark}`);
  return quoted.find((text) => isReadAs(text, value)) ?? null;
}

/** The line after it, too: what follows an open quote belongs to the value. */
function isReadAs(text: string, value: string): boolean {
  const { NAME, NEXT, ...others } = parseEnv(`NAME=${text}\nNEXT=1\n`);
  return NAME === value && NEXT === '1' && Object.keys(others).length === 0;
}
