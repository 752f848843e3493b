/** Owns who sends a request: the address behind trusted proxies, the name of the program, and the id of the request. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import proxyAddr from 'proxy-addr';
import type { Requester } from '../identity/requester.ts';
import { unknownAddress } from '../lib/unknown-address.ts';
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
      address: addressOf(request, trust),
      userAgent: printable(request.headers['user-agent'] ?? '', 200),
      // 62 random bits. Node draws the bytes of many UUIDs together, unlike a call for 8 bytes.
      requestId: randomUUID().slice(-17).replace('-', ''),
    };
    return request[requesterKey];
  };
}

/** A socket that is gone has no address. */
function addressOf(request: IncomingMessage, trust: Trust): string {
  const peer = request.socket.remoteAddress;
  if (peer === undefined) return '';
  return trust(peer, 0) ? forwardedAddress(request, trust) : (plainAddress(peer) ?? unknownAddress);
}

function forwardedAddress(request: IncomingMessage, trust: Trust): string {
  const isTrusted = (text: string, hop: number): boolean => {
    const address = plainAddress(withoutPort(text));
    return address !== null && trust(address, hop);
  };
  const [client = ''] = proxyAddr.all(request, isTrusted).slice(-1);
  return plainAddress(withoutPort(client)) ?? unknownAddress;
}

/** In the one form that it's compared in: `::ffff:c000:201` is 192.0.2.1, and no zone counts elsewhere. `null`: no address. */
function plainAddress(text: string): string | null {
  if (isIPv4(text)) return text;
  // Before the slow way: what a socket that takes both families says of each IPv4 client.
  const mapped = mappedBy(text);
  if (mapped !== null) return mapped;
  if (!isIPv6(text)) return null;
  const { address } = new SocketAddress({ address: text.replace(/%.*/, ''), family: 'ipv6' });
  return mappedBy(address) ?? address;
}

/** `null`: not IPv4 within IPv6, in decimals. */
function mappedBy(text: string): string | null {
  const plain = text.startsWith('::ffff:') ? text.slice('::ffff:'.length) : '';
  return isIPv4(plain) ? plain : null;
}

/** Some proxies write the port too: `192.0.2.1:5678`, `[2001:db8::1]:5678`. */
function withoutPort(address: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([\d.]+))(?::\d+)?$/.exec(address) ?? [];
  return bracketed ?? plain ?? address;
}
