/** Owns what a provider's signed message changes here, once: sessions end, and accounts that the provider disabled. */
import { createHash } from 'node:crypto';
import type { Audit } from '../audit/audit.ts';
import type { Requester } from '../identity/requester.ts';
import type { ProviderEvent, ProviderMessage } from '../sign-in/signed-message.ts';
import type { Account, AccountStore } from '../store/accounts.ts';
import type { SeenTokenStore } from '../store/seen-tokens.ts';
import type { Ended, SessionStore } from '../store/sessions.ts';
import type { EndedSessions } from './ended-sessions.ts';
import type { Leavers, OffBoardingActor } from './leavers.ts';
import type { RefreshTokens } from './refresh-tokens.ts';

export type MessageParts = {
  readonly accounts: Pick<AccountStore, 'byIdentity'>;
  readonly sessions: Pick<SessionStore, 'removeOfProviderSession'>;
  readonly seenTokens: Pick<SeenTokenStore, 'has' | 'note'>;
  readonly ended: Pick<EndedSessions, 'note'>;
  readonly leavers: Leavers;
  readonly tokens: Pick<RefreshTokens, 'owner'>;
  /** Forgets a refresh token, here and at the provider. */
  readonly forgetToken: (account: Account) => Promise<void>;
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
    if (await seenTokens.has(id)) return;
    for (const event of message.events) await act(parts, { actor: provider, client }, message, event);
    // Last: its sender tries again where this process died, or the database went away. What is done twice changes nothing more.
    await seenTokens.note(id, message.expiresAt);
  };
}

async function act(
  parts: MessageParts,
  actor: OffBoardingActor,
  { issuer, at }: ProviderMessage,
  event: ProviderEvent,
): Promise<void> {
  const { sessions, leavers, audit } = parts;
  const { kind, reason, providerSession } = event;
  if (kind === 'nothing') return;
  if (kind === 'disable' || kind === 'suspend' || kind === 'end-sessions') await parts.ended.note(issuer, event);
  const account = await personOf(parts, issuer, event);
  if (kind === 'end-sessions' && providerSession !== null) {
    const event = ({ sessions, approvals }: Ended) => {
      const detail = { reason, ended: sessions, approvals };
      return { action: 'person.end-sessions', ...actor, subject: account?.login ?? '', detail } as const;
    };
    const ended = await audit.commit(event, (row) =>
      sessions.removeOfProviderSession(providerSession, account?.id ?? null, row),
    );
    // Sessions from before `sid` was kept are the person's, too.
    if (ended > 0) return;
  }
  if (account === undefined) return;
  // A provider tells whole seconds (RFC 8417): a sign-in of the same second came before.
  const since = Math.min(at + 999, parts.now());
  if (kind === 'disable' && !(await leavers.shutOut(account, reason, since, actor, { forSecurity: true }))) {
    await leavers.endSessions(account, reason, actor);
  }
  if (kind === 'suspend' || kind === 'forget-token') {
    await leavers.requireSignIn(account, reason, since, actor, { forSecurity: kind === 'suspend' });
  }
  if (kind === 'suspend' || kind === 'end-sessions') await leavers.endSessions(account, reason, actor);
  if (kind === 'forget-token') await parts.forgetToken(account);
}

async function personOf(
  { accounts, tokens }: MessageParts,
  issuer: string,
  { subject, isToken }: ProviderEvent,
): Promise<Account | undefined> {
  if (isToken !== undefined) return tokens.owner(issuer, isToken);
  return subject === null ? undefined : accounts.byIdentity(issuer, subject);
}
