/** Owns how real pushes and pulls of accounts are shown. */
import { wordFor } from '../lib/count.ts';
import type { RepositoryUse } from '../repositories/account-activity.ts';
import { type FormattedTime, formatTime } from './time-view.ts';

export type RepositoryUseView = {
  readonly repository: string;
  /** "1,204 pulls and 3 pushes" */
  readonly what: string;
  readonly last: FormattedTime;
};

declare module './views.ts' {
  interface ViewData {
    /** `whose`: "its", "your", "their owners’". */
    'account-activity': { activity: readonly RepositoryUseView[]; whose: string };
  }
}

/** @param now epoch milliseconds */
export function activityViewOf(uses: readonly RepositoryUse[], now: number): RepositoryUseView[] {
  const number = new Intl.NumberFormat('en');
  const count = (value: number, noun: string, plural: string) =>
    value === 0 ? [] : [`${number.format(value)} ${wordFor(value, noun, plural)}`];
  return uses.map(({ repository, pulls, pushes, lastAt }) => ({
    repository,
    what: [...count(pulls, 'pull', 'pulls'), ...count(pushes, 'push', 'pushes')].join(' and ') || 'deletions',
    last: formatTime(lastAt, now),
  }));
}
