/** Owns what administrators read about their providers: what a provider doesn't prove, and what it means. */

import type { ProviderSentRow } from '../store/provider-sent.ts';
import type { Store } from '../store/store.ts';
import { labelOf, type People } from './off-boarding.ts';

export type NoticeParts = {
  readonly store: Pick<Store, 'providerSent'>;
  readonly people: Pick<People, 'connectors'>;
};

/** @returns one sentence each, for the top of /admin */
export async function providerNotices({ store, people }: NoticeParts): Promise<string[]> {
  const rows = await store.providerSent.all();
  return people.connectors.flatMap(({ name }) => {
    const sent = new Set(rows.filter(({ provider }) => provider === name).map(({ what }) => what));
    return noticesOf(labelOf(people, name), sent);
  });
}

function noticesOf(label: string, sent: ReadonlySet<ProviderSentRow['what']>): string[] {
  const notices: string[] = [];
  if (sent.has('sign-in') && !sent.has('auth_time')) {
    notices.push(
      `${label} has never said when it authenticated someone (auth_time). A fresh sign-in there shows that someone at the browser chose an account, and perhaps no more.`,
    );
  }
  return notices;
}
