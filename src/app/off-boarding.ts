/** Makes what asks about people after their sign-in, from the settings of their providers. */
import { setTimeout } from 'node:timers/promises';
import type { PeopleParts } from '../accounts/people.ts';
import type { Config } from '../config/config.ts';
import { createOffBoarding, type OffBoarding } from '../off-boarding/off-boarding.ts';
import { createRefreshTokens } from '../off-boarding/refresh-tokens.ts';
import { refresherOf } from '../off-boarding/sources.ts';
import type { Policy } from '../policy/acl.ts';
import { providerGroups } from '../policy/provider-groups.ts';
import type { Connector } from '../sign-in/connector.ts';
import { createProviderHealth, type ProviderHealth } from '../sign-in/provider-health.ts';
import type { PersonSource } from '../sign-in/provider-status.ts';
import { createSentBefore, type SentBefore } from '../sign-in/sent-before.ts';
import type { ReadMessage } from '../sign-in/signed-message.ts';
import type { Core } from './core.ts';
import { createConnectors } from './providers.ts';

export type People = {
  readonly connectors: readonly Connector[];
  readonly offBoarding: OffBoarding;
  readonly sent: SentBefore;
  readonly health: ProviderHealth;
  /** Reads Google's security events; `null` where they are not taken. */
  readonly readGoogleEvent: ReadMessage | null;
};

/**
 * @param policy the policy in force; a directory can be asked only about the groups that it names
 * @param stopping ends the waits for a provider's quota
 */
export async function openPeople(
  config: Config,
  core: Core,
  policy: () => Policy,
  stopping: AbortSignal,
): Promise<People> {
  const { store, audit, log, cipher, trial } = core;
  // A wait must not keep the process, nor outlive the service.
  const wait = (milliseconds: number) => setTimeout(milliseconds, undefined, { ref: false, signal: stopping });
  const sent = createSentBefore(store.providerSent, Date.now);
  const connectors = trial === null ? await createConnectors(config, sent) : [];
  const directories = new Map<string, PersonSource>();
  if (config.google?.directory && trial === null) {
    const { createGoogleDirectory } = await import('../sign-in/google/directory.ts');
    const named = () => providerGroups(policy(), 'google');
    const parts = { fetch, now: Date.now, wait, random: Math.random, log, named };
    directories.set('google', createGoogleDirectory(config.google.directory, parts));
  }
  const parts = { store, cipher, connectors, directories, sent, audit, log, now: Date.now, wait };
  return {
    connectors,
    sent,
    health: createProviderHealth(Date.now),
    offBoarding: createOffBoarding(parts),
    readGoogleEvent: trial === null ? await openGoogleEvents(config) : null,
  };
}

/** What a provider's button says; its name where it isn't configured any more. */
export function labelOf({ connectors }: Pick<People, 'connectors'>, provider: string): string {
  return connectors.find(({ name }) => name === provider)?.label ?? provider;
}

/**
 * Makes the provider forget the refresh token of someone who is removed. The connectors are made when that
 * happens: most commands of an administrator need none of it.
 */
export function createForgetToken(config: Config, { store, cipher, log, trial }: Core): PeopleParts['forgetToken'] {
  const tokens = createRefreshTokens({ store: store.refreshTokens, cipher, log, now: Date.now });
  const sent = createSentBefore(store.providerSent, Date.now);
  return async (person) => {
    const connectors = trial === null ? await createConnectors(config, sent) : [];
    await tokens.forget(person.id, refresherOf(connectors, person));
  };
}

async function openGoogleEvents({ google }: Config): Promise<ReadMessage | null> {
  if (google === null || google.riscConfigurationUrl === null) return null;
  const { createRiscReader } = await import('../sign-in/google/risc.ts');
  return createRiscReader({ ...google, configurationUrl: google.riscConfigurationUrl }, { fetch, now: Date.now });
}
