/** Owns which IP addresses a request that is sent elsewhere can reach: the internet's, others only where they're listed, some never. */
import { BlockList, isIP } from 'node:net';

/**
 * This machine, its link and the services that clouds have there, with credentials for anyone who asks: Alibaba's, Azure's, and
 * the IPv6 ones of AWS and Google. 6to4 and Teredo carry an IPv4 address that is somewhere else.
 */
const never = blockListOf([
  ...['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '192.0.0.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  ...['100.100.100.200', '168.63.129.16', 'fd00:ec2::254', 'fd20:ce::254'],
  ...['64:ff9b::', '::/96', 'fe80::/10', 'ff00::/8', '2001::/32', '2002::/16'],
]);

/** Not the internet's (IANA's special-purpose registries): private, shared, for tests and documentation. */
const internal = blockListOf([
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '198.18.0.0/15'],
  ...['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', 'fc00::/7', 'fec0::/10', '2001:db8::/32', '64:ff9b:1::/48'],
]);

/** What an IPv6-only network puts before an IPv4 address (RFC 6052). */
const nat64 = /^\[64:ff9b::(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})\]$/;

/** Whether it is written as "10.0.0.7" or "10.0.0.0/8". A block of everything isn't one. */
export function isAddressOrBlock(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) > 0 && Number(bits) <= (family === 4 ? 32 : 128))
  );
}

/** @param items as `isAddressOrBlock` has them */
export function blockListOf(items: readonly string[]): BlockList {
  const list = new BlockList();
  for (const item of items) {
    const [address = '', bits] = item.split('/');
    if (bits === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(bits), familyOf(address));
  }
  return list;
}

export function isNeverReachable(address: string): boolean {
  return isIn(never, address);
}

/**
 * @param allowed internal addresses that can be reached
 * @returns `null` where the address can be reached, else why not
 */
export function objectionTo(address: string, allowed: BlockList): 'never' | 'internal' | null {
  const plain = withoutNat64(address.replace(/%.*/, ''));
  if (isIP(plain) === 0 || isIn(never, plain)) return 'never';
  return isIn(internal, plain) && !isIn(allowed, plain) ? 'internal' : null;
}

export function isIn(list: BlockList, address: string): boolean {
  // An IPv4-mapped address is checked against the IPv4 blocks, too.
  return list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

function withoutNat64(address: string): string {
  if (isIP(address) !== 6) return address;
  const [, high = '0', low] = nat64.exec(URL.parse(`http://[${address}]`)?.hostname ?? '') ?? [];
  if (low === undefined) return address;
  const bits = Number.parseInt(high, 16) * 0x10000 + Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join('.');
}
