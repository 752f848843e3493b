/** Owns how the overview shows the installation itself: each fact with its age, and what isn't as it should be. */
import { type FormattedTime, formatTime } from '../time-view.ts';

/** Epoch milliseconds; `null` where it isn't known or never was. */
export type OperationsReading = {
  /** `service`: '' for the services that share a key. */
  readonly keys: readonly { readonly service: string; readonly algorithm: string; readonly since: number | null }[];
  readonly providers: readonly { readonly label: string; readonly failsSince: number | null }[];
  /** Of the accounts that hold passwords, when the one was checked that has waited longest. */
  readonly oldestCheck: number | null;
  readonly lastBackup: number | null;
  /** `null`: nothing is sent. */
  readonly messages: { readonly waiting: number; readonly failed: number } | null;
};

export type OperationsView = {
  readonly keys: readonly { readonly name: string; readonly algorithm: string; readonly since: FormattedTime | null }[];
  readonly providers: readonly { readonly label: string; readonly failsSince: FormattedTime | null }[];
  readonly oldestCheck: FormattedTime | null;
  readonly lastBackup: FormattedTime | null;
  readonly messages: OperationsReading['messages'];
};

declare module '../views.ts' {
  interface ViewData {
    'admin-operations': { operations: OperationsView };
  }
}

/** @param now epoch milliseconds */
export function operationsView(reading: OperationsReading, now: number): OperationsView {
  const time = (at: number | null): FormattedTime | null => (at === null ? null : formatTime(at, now));
  return {
    keys: reading.keys.map(({ service, algorithm, since }) => ({
      name: service === '' ? 'Signing key' : `Signing key of ${service}`,
      algorithm,
      since: time(since),
    })),
    providers: reading.providers.map(({ label, failsSince }) => ({ label, failsSince: time(failsSince) })),
    oldestCheck: time(reading.oldestCheck),
    lastBackup: time(reading.lastBackup),
    messages: reading.messages,
  };
}
