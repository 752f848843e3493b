/** Owns the one log line that each request leaves. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../lib/log.ts';
import { pathOf } from './path.ts';
import { printable } from './printable.ts';
import type { RequesterReader } from './requester.ts';

/** Writes one line when the answer is out, or when the client left earlier. The query isn't logged: it can hold a code. */
export function logRequest(
  request: IncomingMessage,
  response: ServerResponse,
  parts: { log: Log; requesterOf: RequesterReader },
): void {
  const begun = performance.now();
  const { requestId, address, userAgent } = parts.requesterOf(request);
  // Express takes the prefix off the address while it looks for the route.
  const path = printable(pathOf(request), 200);
  response.setHeader('X-Request-Id', requestId);
  response.once('close', () => {
    parts.log.info(
      {
        requestId,
        method: request.method,
        path,
        status: response.writableFinished ? response.statusCode : 499,
        ms: Math.round((performance.now() - begun) * 10) / 10,
        address,
        userAgent,
      },
      'request',
    );
  });
}
