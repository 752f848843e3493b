/** Owns how the parts of off-boarding are put together: made once for the service, and once for each command. */
import type { Audit } from '../audit/audit.ts';
import type { Cipher } from '../lib/cipher.ts';
import type { Log } from '../lib/log.ts';
import type { Connector, Profile } from '../sign-in/connector.ts';
import type { PersonSource, ProviderStatus } from '../sign-in/provider-status.ts';
import type { SentBefore } from '../sign-in/sent-before.ts';
import { type Account, byAuthority, byProvider } from '../store/accounts.ts';
import type { Store } from '../store/store.ts';
import { type AfterSignIn, createAfterSignIn } from './after-sign-in.ts';
import { createConfirm } from './confirm.ts';
import { createEndedSessions, type EndedSessions } from './ended-sessions.ts';
import { createHeldTeams } from './leaver-limit.ts';
import { createLeavers, type Leavers, type OffBoardingActor } from './leavers.ts';
import { createLostGroups } from './lost-groups.ts';
import { type ActOnMessage, createMessages } from './messages.ts';
import { createRefreshTokens } from './refresh-tokens.ts';
import { createSources, isOfAnotherClient, refresherOf } from './sources.ts';
import { createSweep, type Sweep } from './sweep.ts';

export type OffBoarding = {
  readonly sweep: Sweep;
  readonly afterSignIn: AfterSignIn;
  /** Whether a refresh token of the person has to be asked for, as none is kept that the provider still takes. */
  needsToken(person: { readonly issuer: string; readonly subject: string }): Promise<boolean>;
  readonly leavers: Leavers;
  /** What a sign-in said, as far as it's believed. */
  believe(profile: Profile): Promise<Profile>;
  readonly act: ActOnMessage;
  readonly endedMeanwhile: EndedSessions['endedMeanwhile'];
  /** Asks about one person now and acts on the answer. */
  refresh(account: Account, actor: OffBoardingActor): Promise<ProviderStatus>;
};

export type OffBoardingParts = {
  readonly store: Pick<
    Store,
    'accounts' | 'people' | 'sessions' | 'leases' | 'refreshTokens' | 'seenTokens' | 'lostGroups'
  >;
  readonly sent: SentBefore;
  readonly cipher: Cipher;
  readonly connectors: readonly Pick<Connector, 'name' | 'refresher'>[];
  /** By the provider's name: 'google'. */
  readonly directories: ReadonlyMap<string, PersonSource>;
  readonly audit: Audit;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Resolves after so many milliseconds. */
  readonly wait: (milliseconds: number) => Promise<void>;
};

export function createOffBoarding(parts: OffBoardingParts): OffBoarding {
  const { store, cipher, connectors, directories, audit, log, now, wait } = parts;
  const { accounts, leases } = store;
  const tokens = createRefreshTokens({ store: store.refreshTokens, cipher, log, now });
  const forgetToken = (account: Account) => tokens.forget(account.id, refresherOf(connectors, account));
  const forgetTokens = async () => {
    for (const account of await tokens.ofDisabled()) await forgetToken(account);
  };
  const hasToken = async (account: Account): Promise<boolean> => {
    const refresher = refresherOf(connectors, account);
    const kept = await tokens.read(account.id);
    return kept !== null && refresher !== null && !isOfAnotherClient(kept, refresher);
  };
  const keepToken = async (account: Account, token: string): Promise<void> => {
    const refresher = refresherOf(connectors, account);
    if (refresher !== null) await tokens.keep(account.id, token, refresher.clientId);
  };
  const source = createSources({ directories, connectors, tokens, leases, now });
  const lostGroups = createLostGroups({ store: store.lostGroups, accounts, sent: parts.sent, log, now });
  const confirm = createConfirm({ source, accounts, lostGroups, audit });
  const leavers = createLeavers({ ...store, forgetToken, audit });
  const heldTeams = createHeldTeams(accounts, leases);
  const ended = createEndedSessions(store.seenTokens, now);
  return {
    sweep: createSweep({ accounts, leases, confirm, leavers, heldTeams, forgetTokens, audit, log, now }),
    afterSignIn: createAfterSignIn({
      ...{ accounts, keepToken, hasToken, confirm, leavers, heldTeams, lostGroups, audit, now, wait },
      directories: new Set(directories.keys()),
    }),
    async needsToken({ issuer, subject }) {
      const account = await accounts.byIdentity(issuer, subject);
      if (account === undefined) return true;
      // Whom an administrator disabled is not let in, and needs none.
      if (account.state !== 'active') return account.state_by === byProvider || account.state_by === byAuthority;
      return !(await hasToken(account).catch(() => false)); // a token whose key is lost counts as none
    },
    leavers,
    believe: lostGroups.ofProfile,
    act: createMessages({ ...store, ended, leavers, tokens, forgetToken, audit, now }),
    endedMeanwhile: ended.endedMeanwhile,
    async refresh(account, actor) {
      const at = now();
      const status = await confirm.ask(account);
      await confirm.note(account, status, at, actor);
      if (status.kind === 'gone') await leavers.shutOut(account, status.reason, at, actor, status);
      if (status.kind === 'sign-in') await leavers.requireSignIn(account, status.reason, at, actor);
      return status;
    },
  };
}
