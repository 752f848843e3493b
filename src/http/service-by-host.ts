/** Owns which registry a request is for where a proxy sends requests of several here: the one whose host was asked. */
import type { IncomingMessage } from 'node:http';
import { Refusal } from '../lib/errors.ts';
import { findByHost } from '../lib/find-named.ts';
import type { Trust } from './requester.ts';

/**
 * With one service any host will do. With several, an unknown host is never another registry's.
 * @param services all of them, whether or not their repositories are known
 * @param trust whether the peer at an address can say by `X-Forwarded-Host` which host was asked
 * @returns a function that throws {Refusal} `not_found`
 */
export function createServiceByHost<Service extends { readonly registryHost: string }>(
  services: readonly Service[],
  trust: Trust,
): (request: IncomingMessage) => Service {
  return (request) => {
    const [only, ...others] = services;
    if (only !== undefined && others.length === 0) return only;
    const found = findByHost(services, hostOf(request, trust));
    if (found !== undefined) return found;
    throw new Refusal('not_found', 'This host is the HOST of no service, or of several: set SERVICE_<NAME>_HOST.');
  };
}

/** Proxies put one host there; of several, the first is what was asked of the outermost. */
function hostOf({ headers, socket }: IncomingMessage, trust: Trust): string {
  const forwarded = headers['x-forwarded-host'];
  const list = Array.isArray(forwarded) ? forwarded.join() : forwarded;
  const isTrusted = list !== undefined && trust(socket.remoteAddress ?? '', 0);
  return (isTrusted ? list.split(',')[0]?.trim() : headers.host) ?? '';
}
