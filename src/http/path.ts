/** Reads the path that a request asks for. */
import type { IncomingMessage } from 'node:http';

/** The path of the request target, without the query; absolute targets (RFC 9112, 3.2.2) too. */
export function pathOf(request: IncomingMessage): string {
  const target = request.url ?? '/';
  const path = target.startsWith('/') ? target : (URL.parse(target)?.pathname ?? '/');
  const end = path.indexOf('?');
  return end < 0 ? path : path.slice(0, end);
}
