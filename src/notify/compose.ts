/** Owns when the items of a reader become a mail: security soon, the rest once a day, and never a storm. */
import { dateOf, day, minute } from '../lib/time.ts';
import type { ItemClass, Reader } from '../store/notifications.ts';
import type { Store } from '../store/store.ts';
import { mailChannel } from './channel.ts';

/** Milliseconds between two mails about security to one person: what comes meanwhile is in the next. */
const securityPause = 10 * minute;
const readersAtOnce = 200;

type Parts = { readonly store: Pick<Store, 'notifications'>; readonly now: () => number };

/** Whether `composeMails` would begin one, without writing anything. */
export async function canCompose({ store, now }: Parts): Promise<boolean> {
  const at = now();
  for (const itemClass of ['security', 'digest'] as const) {
    if ((await store.notifications.readers(itemClass, sinceOf(itemClass, at), 1)).length > 0) return true;
  }
  return false;
}

/** A message to the reader after this moment keeps the next one waiting. Days are UTC. */
function sinceOf(itemClass: ItemClass, now: number): number {
  return itemClass === 'security' ? now - securityPause : now - (now % day) - 1;
}

/** Begins the mails that can be sent now. One that waits still takes up what comes until it's sent, so there is never a second. */
export async function composeMails(parts: Parts): Promise<void> {
  const now = parts.now();
  await compose(parts, 'security', now, ({ first }) => `security-${first}`);
  await compose(parts, 'digest', now, ({ account_id: id }) => `digest-${id}-${dateOf(now)}`);
}

async function compose(
  { store }: Parts,
  itemClass: ItemClass,
  at: number,
  idOf: (reader: Reader) => string,
): Promise<void> {
  for (;;) {
    const readers = await store.notifications.readers(itemClass, sinceOf(itemClass, at), readersAtOnce);
    let begun = 0;
    for (const reader of readers) {
      const isNew = await store.notifications.compose({
        ...{ id: idOf(reader), channel: mailChannel, class: itemClass, accountId: reader.account_id },
        ...{ topic: '', bodyJson: null, at },
      });
      if (isNew) begun += 1;
    }
    if (readers.length < readersAtOnce || begun === 0) return;
  }
}
