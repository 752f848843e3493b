/** Owns whom to ask about a person: the directory of their provider, or the provider with their own refresh token. */

import { randomBytes } from 'node:crypto';
import { errorMessage } from '../lib/errors.ts';
import { minute } from '../lib/time.ts';
import type { Connector, Refresher } from '../sign-in/connector.ts';
import type { PersonSource, ProviderStatus } from '../sign-in/provider-status.ts';
import type { Account } from '../store/accounts.ts';
import type { LeaseStore } from '../store/leases.ts';
import type { KeptToken, RefreshTokens } from './refresh-tokens.ts';

export type SourceParts = {
  /** By the provider's name: 'google'. */
  readonly directories: ReadonlyMap<string, PersonSource>;
  readonly connectors: readonly Pick<Connector, 'name' | 'refresher'>[];
  readonly tokens: RefreshTokens;
  readonly leases: Pick<LeaseStore, 'take' | 'release'>;
  readonly now: () => number;
};

/** Milliseconds; longer than any provider's answer is waited for. */
const leaseLength = minute;

export function createSources(parts: SourceParts): PersonSource {
  return {
    async ask(account) {
      const status = await parts.directories.get(account.provider)?.ask(account);
      if (status !== undefined && status.kind !== 'unasked') return status;
      const refresher = refresherOf(parts.connectors, account);
      return refresher === null ? { kind: 'unasked' } : askAlone(parts, refresher, account);
    },
  };
}

export function refresherOf(
  connectors: SourceParts['connectors'],
  { provider }: Pick<Account, 'provider'>,
): Refresher | null {
  return connectors.find(({ name }) => name === provider)?.refresher ?? null;
}

/**
 * One at a time, over all processes: a rotating token that is used twice looks stolen, and the provider would end all
 * that came from it (RFC 9700, section 4.14.2).
 */
async function askAlone(parts: SourceParts, refresher: Refresher, account: Account): Promise<ProviderStatus> {
  const lease = `refresh ${account.id}`;
  const holder = randomBytes(8).toString('hex');
  const at = parts.now();
  if (!(await parts.leases.take(lease, holder, at, at + leaseLength))) {
    return { kind: 'silent', reason: 'the provider is being asked already' };
  }
  try {
    const kept = await parts.tokens.read(account.id);
    if (kept === null) return { kind: 'unasked' };
    if (isOfAnotherClient(kept, refresher)) return anotherClient;
    let current = kept.token;
    const answer = await refresher.ask(kept.token, account, async (next) => {
      await kept.replace(next);
      current = next;
    });
    const status = await learnClient(kept, refresher, answer);
    // A sign-in brought another token meanwhile, or the clock of another process let it take the lease over.
    const isOld = status.kind === 'sign-in' && (await parts.tokens.read(account.id))?.token !== current;
    return isOld ? { kind: 'silent', reason: 'the token was replaced while it was used' } : status;
  } catch (error) {
    return { kind: 'fault', reason: errorMessage(error) };
  } finally {
    await parts.leases.release(lease, holder);
  }
}

const anotherClient: ProviderStatus = {
  kind: 'silent',
  personal: true,
  reason: 'the refresh token was issued to another OAuth client; the next sign-in stores a new one',
};

/** Such a token counts as none: the next sign-in asks for another one. */
export function isOfAnotherClient({ clientId }: KeptToken, refresher: Refresher): boolean {
  return clientId !== null && clientId !== refresher.clientId;
}

/** Of a token from before client ids were kept, the first answer shows whose it is. */
async function learnClient(kept: KeptToken, { clientId }: Refresher, status: ProviderStatus): Promise<ProviderStatus> {
  if (kept.clientId !== null) return status;
  if (status.kind === 'there') await kept.noteClient(clientId);
  if (status.kind !== 'fault' || status.error !== 'unauthorized_client') return status;
  await kept.noteClient('');
  return anotherClient;
}
