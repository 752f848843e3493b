/** Owns what administrators read about their providers: what a provider doesn't prove or no longer sends, and what to do about it. */

import type { Config } from '../config/config.ts';
import { oidcPrefix } from '../config/providers.ts';
import { countOf } from '../lib/count.ts';
import { day } from '../lib/time.ts';
import type { Connector } from '../sign-in/connector.ts';
import type { ProviderSentRow } from '../store/provider-sent.ts';
import type { Store } from '../store/store.ts';

export type NoticeParts = {
  readonly store: Pick<Store, 'providerSent' | 'accounts'>;
  /** Milliseconds after the last sign-in for which what people hold counts whose provider can't be asked; `null`: forever. */
  readonly unchecked: number | null;
  readonly connectors: readonly Pick<Connector, 'name' | 'label'>[];
  readonly oidc: Config['oidc'];
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** @returns one sentence or two each, for the top of /admin */
export async function providerNotices(parts: NoticeParts): Promise<string[]> {
  const { store, connectors, oidc, now } = parts;
  const [rows, unchecked] = await Promise.all([store.providerSent.all(), store.accounts.countUnchecked(now())]);
  return connectors.flatMap(({ name, label }) => {
    const sent = rows.filter(({ provider }) => provider === name);
    const settings = oidc.find((provider) => provider.name === name);
    return [
      ...freshnessNotice(label, sent),
      ...commaNotice(label, sent, settings),
      ...lostGroupsNotice(label, sent, now()),
      ...uncheckedNotice(label, unchecked.find(({ provider }) => provider === name)?.people ?? 0, parts.unchecked),
    ];
  });
}

type Sent = readonly Pick<ProviderSentRow, 'what' | 'at'>[];

function freshnessNotice(label: string, sent: Sent): string[] {
  const has = (what: string) => sent.some((row) => row.what === what);
  if (!has('sign-in') || has('auth_time')) return [];
  return [
    `${label} has never reported when it authenticated someone (auth_time). A fresh sign-in there might prove only that someone at the browser picked an account.`,
  ];
}

/** Older versions split at commas, so a group can mean something else after an upgrade. */
function commaNotice(label: string, sent: Sent, settings: Config['oidc'][number] | undefined): string[] {
  const isSplit = settings === undefined || settings.groupsSeparator !== null || settings.groupsFormat !== 'list';
  if (isSplit || !sent.some(({ what }) => what === 'groups with commas')) return [];
  const setting = `${oidcPrefix(settings.name)}GROUPS_SEPARATOR`;
  return [
    `${label} sends groups as one text with commas, which is one group. If it is a list, set ${setting}=, and it is split.`,
  ];
}

function lostGroupsNotice(label: string, sent: Sent, now: number): string[] {
  if (!sent.some(({ what, at }) => what === 'no more groups' && now - at < day)) return [];
  return [
    `${label} stopped sending the groups claim for many people within a day. Their groups stay until they are too old. Look at the claim's mapper there.`,
  ];
}

function uncheckedNotice(label: string, people: number, limit: number | null): string[] {
  if (people === 0) return [];
  const who = countOf(people, 'person', 'people');
  const end =
    limit === null
      ? 'Their passwords, their API tokens and the robots’ passwords that they made never stop by themselves unless you set a limit (UNCHECKED_DAYS).'
      : `Their passwords and API tokens stop ${countOf(Math.round(limit / day), 'day')} after the last sign-in (UNCHECKED_DAYS); robots’ passwords that they made then have the grace period of a leaver’s.`;
  return [
    `${label} can’t be asked about ${who} with active passwords, API tokens or sessions, because no refresh token is kept. If they leave the company, no one notices. ${end}`,
  ];
}
