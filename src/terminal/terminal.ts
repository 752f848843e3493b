/** Owns what the sign-in from a terminal is to the rest of the service. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Requester } from '../identity/requester.ts';
import { createGrowingCache } from '../lib/growing-cache.ts';
import { minute } from '../lib/time.ts';
import type { TerminalRequestRow } from '../store/terminal-requests.ts';
import { type Collected, type CollectParts, collect } from './collect.ts';
import { createMachines, type MachineParts, type Machines } from './machines.ts';
import { createTerminalRequests, type RequestParts, type TerminalRequests } from './requests.ts';

/** What a poll of a device code comes to (RFC 8628, section 3.5). */
export type Polled =
  | { readonly kind: 'pending' | 'too-fast' | 'refused' | 'expired' | 'unknown' }
  | { readonly kind: 'collected'; readonly collected: Collected };

export type Terminal = {
  readonly requests: TerminalRequests;
  readonly machines: Machines;
  /** @throws {Refusal} where what was approved can't be given */
  poll(deviceCode: string, client: Requester): Promise<Polled>;
  /**
   * The end of a sign-in on the same device.
   * @returns `null` for a code that is wrong, used, older than a minute, or of another redirect URI or verifier
   * @throws {Refusal} as `poll`
   */
  redeem(code: string, redirectUri: string, verifier: string, client: Requester): Promise<Collected | null>;
};

export type TerminalParts = RequestParts &
  Omit<MachineParts, 'store'> & {
    readonly machineStore: MachineParts['store'];
    readonly accounts: CollectParts['accounts'];
  };

/** Seconds between two polls; the terminal gets this number. */
export const pollInterval = 5;
/** Milliseconds: a little less, because what is sent in time can arrive early. */
const leastInterval = pollInterval * 1000 - 500;
/** Milliseconds from the approval on in which a code of the same device counts (RFC 9700, section 2.1.1). */
const codeLifetime = minute;

export function createTerminal(parts: TerminalParts): Terminal {
  const { store, now } = parts;
  const machines = createMachines({ ...parts, store: parts.machineStore });
  const requests = createTerminalRequests(parts);
  const give = (row: TerminalRequestRow, client: Requester) => collect({ ...parts, requests: store }, row, client);
  const giveOrSay = async (row: TerminalRequestRow, deviceCode: string, client: Requester): Promise<Polled> => {
    let collected = await give(row, client);
    if (collected === null) {
      const now = await requests.byDeviceCode(deviceCode);
      if (now === undefined) return { kind: 'unknown' };
      if (now.collected_at === null) return { kind: 'expired' };
      // Another poll of the same terminal was first, at the same moment: this is the second.
      collected = await give(now, client);
    }
    return collected === null ? { kind: 'unknown' } : { kind: 'collected', collected };
  };
  // Of this process alone: with several, a terminal can be a little faster.
  const polledAt = createGrowingCache<string, number>(20_000);
  const isTooFast = ({ id }: TerminalRequestRow): boolean => {
    const last = polledAt.get(id);
    if (last !== undefined && now() - last < leastInterval) return true;
    polledAt.set(id, now());
    return false;
  };
  return {
    requests,
    machines,
    async poll(deviceCode, client) {
      const row = await requests.byDeviceCode(deviceCode);
      if (row === undefined || row.redirect_uri !== null) return { kind: 'unknown' };
      if (row.approved === 1) return giveOrSay(row, deviceCode, client);
      if (row.expires_at <= now()) return { kind: 'expired' };
      if (row.approved === 0) return { kind: 'refused' };
      return { kind: isTooFast(row) ? 'too-fast' : 'pending' };
    },
    async redeem(code, redirectUri, verifier, client) {
      const row = await requests.byDeviceCode(code);
      if (row === undefined || row.approved !== 1 || row.redirect_uri !== redirectUri || row.collected_at !== null) {
        return null;
      }
      if (now() - (row.decided_at ?? 0) > codeLifetime || !fits(verifier, row.code_challenge ?? '')) return null;
      return give(row, client);
    },
  };
}

/** RFC 7636, section 4.6, with S256. */
function fits(verifier: string, challenge: string): boolean {
  const hash = Buffer.from(createHash('sha256').update(verifier).digest('base64url'));
  const wanted = Buffer.from(challenge);
  return hash.length === wanted.length && timingSafeEqual(hash, wanted);
}
