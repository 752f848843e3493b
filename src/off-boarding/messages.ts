/** Owns what a provider's signed message changes here, once: sessions end, and accounts that the provider disabled. */
import { createHash } from 'node:crypto';
import type { Audit, Requester } from '../audit/audit.ts';
import type { ProviderEvent, ProviderMessage } from '../sign-in/signed-message.ts';
import type { AccountStore } from '../store/accounts.ts';
import type { SeenTokenStore } from '../store/seen-tokens.ts';
import type { SessionStore } from '../store/sessions.ts';
import type { Leavers, OffBoardingActor } from './leavers.ts';

export type MessageParts = {
  readonly accounts: Pick<AccountStore, 'byIdentity'>;
  readonly sessions: Pick<SessionStore, 'removeOfProviderSession'>;
  readonly seenTokens: SeenTokenStore;
  readonly leavers: Leavers;
  readonly audit: Audit;
  readonly now: () => number;
};

/** Acts on a message unless it has come before. @param provider whose it is: 'google' */
export type ActOnMessage = (provider: string, message: ProviderMessage, client: Requester) => Promise<void>;

export function createMessages(parts: MessageParts): ActOnMessage {
  const { seenTokens } = parts;
  return async (provider, message, client) => {
    const id = createHash('sha256')
      .update(JSON.stringify([message.issuer, message.id]))
      .digest('base64url');
    if (!(await seenTokens.note(id, message.expiresAt))) return;
    try {
      for (const event of message.events) await act(parts, { actor: provider, client }, message, event);
    } catch (error) {
      await seenTokens.forget(id); // its sender tries again
      throw error;
    }
  };
}

async function act(
  { accounts, sessions, leavers, audit, now }: MessageParts,
  actor: OffBoardingActor,
  { issuer, at }: ProviderMessage,
  { kind, reason, subject, providerSession }: ProviderEvent,
): Promise<void> {
  if (kind === 'nothing') return;
  const account = subject === null ? undefined : await accounts.byIdentity(issuer, subject);
  if (kind === 'end-sessions' && providerSession !== null) {
    const ended = await sessions.removeOfProviderSession(providerSession, account?.id ?? null);
    const detail = { reason, ended };
    if (ended > 0) audit.record({ action: 'person.end-sessions', ...actor, subject: account?.login ?? '', detail });
    // Sessions from before `sid` was kept are the person's, too.
    if (ended > 0) return;
  }
  if (account === undefined) return;
  if (kind === 'disable') await leavers.shutOut(account, reason, Math.min(at, now()), actor);
  else await leavers.endSessions(account, reason, actor);
}
