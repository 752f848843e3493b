/** Owns the check whether a header came more than once: Node keeps the first, and a proxy may have looked at the last. */
import type { IncomingMessage } from 'node:http';

/** @param name in lower case */
export function isRepeated({ rawHeaders }: IncomingMessage, name: string): boolean {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) if (isNamed(rawHeaders[index] ?? '', name)) count += 1;
  return count > 1;
}

function isNamed(header: string, name: string): boolean {
  return header.length === name.length && header.toLowerCase() === name;
}
