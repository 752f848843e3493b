/** Owns who sends a request: the address behind trusted proxies, the name of the program, and the id of the request. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import proxyAddr from 'proxy-addr';
import type { Requester } from '../identity/requester.ts';
import { printable } from './printable.ts';

/** Whether the peer at this address is trusted to report others by X-Forwarded-*; `hop` counts from the nearest. */
export type Trust = (address: string, hop: number) => boolean;

/** @param proxies addresses and CIDR blocks */
export function createTrust(proxies: readonly string[]): Trust {
  return proxyAddr.compile([...proxies]);
}

/** On the request itself: a WeakMap costs the garbage collector as much as all the rest of reading a request. */
const requesterKey = Symbol('client');
type KnownRequest = IncomingMessage & { [requesterKey]?: Requester };

/** Who sends a request; asked twice, it answers the same. */
export type RequesterReader = (request: IncomingMessage) => Requester;

export function createRequesterReader(trust: Trust): RequesterReader {
  return (request: KnownRequest) => {
    request[requesterKey] ??= {
      address: plainAddress(request, trust),
      userAgent: printable(request.headers['user-agent'] ?? '', 200),
      // 62 random bits. Node draws the bytes of many UUIDs together, unlike a call for 8 bytes.
      requestId: randomUUID().slice(-17).replace('-', ''),
    };
    return request[requesterKey];
  };
}

/** A socket that is gone has no address; `::ffff:192.0.2.1` is 192.0.2.1. */
function plainAddress(request: IncomingMessage, trust: Trust): string {
  const peer = request.socket.remoteAddress;
  if (peer === undefined) return '';
  const address = trust(peer, 0) ? forwardedAddress(request, trust) : peer;
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}

/** Something that isn't an address is ignored: then the nearest proxy counts. */
function forwardedAddress(request: IncomingMessage, trust: Trust): string {
  const chain = proxyAddr.all(request, (address, hop) => trust(withoutPort(address), hop)).map(withoutPort);
  return chain.findLast((address) => isIP(address) !== 0) ?? '';
}

/** Some proxies write the port too: `192.0.2.1:5678`, `[2001:db8::1]:5678`. */
function withoutPort(address: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([\d.]+))(?::\d+)?$/.exec(address) ?? [];
  return bracketed ?? plain ?? address;
}
