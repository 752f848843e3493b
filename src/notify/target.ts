/** Owns the connection to a webhook: the address is checked when it's connected to, each time, and no redirect is followed. */
import { type LookupAddress, lookup as lookUp } from 'node:dns';
import type { IncomingMessage } from 'node:http';
import { type BlockList, isIP, type LookupFunction } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { http, https } from '../lib/node-http.ts';
import { isIn, objectionTo } from '../lib/reachable-address.ts';

/** Sends a body; @returns the status, and the seconds of a Retry-After, 0 without one. @throws where there is no answer */
export type Post = (
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: string,
) => Promise<{ readonly status: number; readonly retryAfter: number }>;

/** The rules refuse the address; the message says which setting allows it, and not the address. */
export class TargetRefused extends Error {
  override readonly name = 'TargetRefused';
}

export type TargetParts = {
  /** "WEBHOOK_CHAT_ALLOW" */
  readonly setting: string;
  readonly allowed: BlockList;
  /** As `dns.lookup` does with `all`. */
  readonly resolve?: typeof resolveAll;
};

/** Milliseconds for the whole answer. */
const timeout = 15_000;
/** Milliseconds that a start waits for a name. */
const startPatience = 3_000;

export function createPost(parts: TargetParts): Post {
  return async (url, headers, body) => {
    const host = hostOf(url);
    // Node looks no literal address up.
    const refusal = isIP(host) === 0 ? null : judge(parts, url, [host]);
    if (refusal !== null) throw refusal;
    const options = {
      method: 'POST',
      // A connection of its own, so that each attempt looks the name up again; no proxy of the environment.
      agent: false,
      headers: { ...headers, 'Content-Length': String(Buffer.byteLength(body)) },
      lookup: checkedLookup(parts, url),
      signal: AbortSignal.timeout(timeout),
    };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = url.protocol === 'https:' ? https.request(url, options) : http.request(url, options);
      request.once('error', reject);
      request.once('response', resolve);
      request.end(body);
    });
    const retryAfter = Number(response.headers['retry-after'] ?? 0);
    response.on('error', () => {}).destroy();
    return { status: response.statusCode ?? 0, retryAfter: Number.isFinite(retryAfter) ? Math.max(0, retryAfter) : 0 };
  };
}

/**
 * Why the rules refuse the target now, for the start: what they would refuse at each attempt must not fail silently.
 * @returns `null` also where the name can't be looked up: that can be over by the first message
 */
export async function refusalOf(parts: TargetParts, url: URL): Promise<TargetRefused | null> {
  const host = hostOf(url);
  if (isIP(host) !== 0) return judge(parts, url, [host]);
  const looking = (parts.resolve ?? resolveAll)(host).catch((): LookupAddress[] => []);
  const addresses = await Promise.race([looking, wait(startPatience, [], { ref: false })]);
  return judge(
    parts,
    url,
    addresses.map(({ address }) => address),
  );
}

function resolveAll(host: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) =>
    lookUp(host, { all: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error))),
  );
}

function checkedLookup(parts: TargetParts, url: URL): LookupFunction {
  return (host, options, callback) => {
    (parts.resolve ?? resolveAll)(host).then(
      (addresses) => {
        const refusal = judge(
          parts,
          url,
          addresses.map(({ address }) => address),
        );
        const [first] = addresses;
        if (refusal !== null) callback(refusal, '', 0);
        else if (options.all === true) callback(null, addresses);
        else if (first !== undefined) callback(null, first.address, first.family);
        else callback(new Error('no address'), '', 0);
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    );
  };
}

/** One name can have both a public and a private address, and the connection would take either: all must pass. */
function judge(parts: TargetParts, url: URL, addresses: readonly string[]): TargetRefused | null {
  for (const address of addresses) {
    const why = objectionOf(parts, url, address);
    if (why !== null) return new TargetRefused(why);
  }
  return null;
}

function objectionOf({ setting, allowed }: TargetParts, { protocol }: URL, address: string): string | null {
  const objection = objectionTo(address, allowed);
  if (objection === 'never') {
    return 'its address is of this machine, its link or a metadata service, which is never allowed';
  }
  if (objection === 'internal') return `its address is private, and ${setting} doesn't list it`;
  if (protocol === 'http:' && !isIn(allowed, address)) {
    return `it is http, and ${setting} doesn't list its address: use https`;
  }
  return null;
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}
