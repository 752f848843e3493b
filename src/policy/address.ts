/** Owns client addresses: reading them and asking whether a network contains one, as Go's `net` package does. */
import { isIPv4, isIPv6 } from 'node:net';

/** 4 bytes or 16; a v4-mapped address (`::ffff:10.0.0.1`) has 4. */
type Address = readonly number[];

export type Network = { readonly address: Address; readonly bits: number };

/** `null` for a text that isn't an address: it's in no network. */
export function parseAddress(text: string): Address | null {
  const address = parseBytes(text);
  return address && isMapped(address) ? address.slice(12) : address;
}

/** For an address that someone typed, '' if unknown; `report` gets what is wrong with it. */
export function checkAddress(text: string, report: (problem: string) => void): void {
  if (text !== '' && parseAddress(text) === null) report(`"${text}" isn't an IPv4 or IPv6 address`);
}

/** An address or `address/bits`, or `null`. Bits after the prefix are ignored. */
export function parseNetwork(text: string): Network | null {
  const [head = '', length, ...rest] = text.split('/');
  const address = parseBytes(head);
  if (!address || rest.length > 0) return null;
  const width = address.length * 8;
  if (length !== undefined && (!/^\d{1,8}$/.test(length) || Number(length) > width)) return null;
  const bits = length === undefined ? width : Number(length);
  const masked = address.map((byte, index) => byte & maskAt(index, bits));
  return isMapped(masked) ? { address: masked.slice(12), bits: bits - 96 } : { address: masked, bits };
}

/** A v4 network contains no v6 address and the other way round: `0.0.0.0/0` isn't everyone. */
export function contains({ address, bits }: Network, candidate: Address): boolean {
  return (
    candidate.length === address.length &&
    address.every((byte, index) => (byte & maskAt(index, bits)) === ((candidate[index] ?? 0) & maskAt(index, bits)))
  );
}

/** The mask of one byte of an address. */
function maskAt(index: number, bits: number): number {
  const ones = Math.min(8, Math.max(0, bits - index * 8));
  return 0xff & (0xff << (8 - ones));
}

function isMapped(address: Address): boolean {
  return address.length === 16 && address.every((byte, index) => index >= 12 || byte === (index < 10 ? 0 : 0xff));
}

function parseBytes(text: string): number[] | null {
  if (isIPv4(text)) return text.split('.').map(Number);
  if (!isIPv6(text) || text.includes('%')) return null;
  const groups = text.replace(/[\d.]+$/, (tail) => (tail.includes('.') ? toGroups(tail) : tail));
  const [head = [], tail] = groups.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const missing = 8 - head.length - (tail?.length ?? 0);
  const all = [...head, ...Array<string>(tail ? missing : 0).fill('0'), ...(tail ?? [])];
  return all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]);
}

/** The last 32 bits of an IPv6 address can be written as IPv4: 10.0.0.1 -> a00:1. */
function toGroups(dotted: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number);
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
