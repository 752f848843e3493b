/** Owns the check whether a header came more than once: Node keeps the first, and a proxy may have looked at the last. */
import type { IncomingMessage } from 'node:http';
import { Refusal } from './errors.ts';

/** @param name in lower case */
export function isRepeated({ rawHeaders }: IncomingMessage, name: string): boolean {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) if (isNamed(rawHeaders[index] ?? '', name)) count += 1;
  return count > 1;
}

/** @throws {Refusal} `bad_request` where several are sent */
export function authorizationOf(request: IncomingMessage): string | undefined {
  if (!isRepeated(request, 'authorization')) return request.headers.authorization;
  throw new Refusal('bad_request', 'The request has the Authorization header more than once. Send one.');
}

function isNamed(header: string, name: string): boolean {
  return header.length === name.length && header.toLowerCase() === name;
}
