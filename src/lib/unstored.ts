/** Owns what becomes known of records that could not be stored: a line in the log, and how many are lost for good. */
import type { Log } from './log.ts';
import type { Unstored } from './write-behind.ts';

export type UnstoredRecords = {
  /** @param what in the plural, as the log and the metrics name them: "denials" */
  of(what: string, note?: string): (unstored: Unstored) => void;
  /** How many records of each kind this process has lost. */
  lost(): readonly { readonly what: string; readonly records: number }[];
};

const fates: Readonly<Record<Unstored['fate'], string>> = {
  kept: 'could not be stored; trying again',
  lost: 'could not be stored and are lost, as the service stops',
  dropped: 'are refused by the database and are lost',
  overflowed: 'are lost: more came than fit in memory before they could be stored',
};

export function createUnstoredRecords(log: Pick<Log, 'error'>): UnstoredRecords {
  const lost = new Map<string, number>();
  return {
    of(what, note = '') {
      lost.set(what, 0);
      return ({ error, entries, fate }) => {
        if (fate !== 'kept') lost.set(what, (lost.get(what) ?? 0) + entries);
        log.error({ err: error, entries }, `${what} ${fates[fate]}${fate === 'kept' ? '' : note}`);
      };
    },
    lost: () => [...lost].map(([what, records]) => ({ what, records })),
  };
}
