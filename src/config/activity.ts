/** Owns the settings of what registries report: how long it's kept, and who sees names in it. */
import { day } from '../lib/time.ts';
import type { Settings } from './settings.ts';

export type ActivityConfig = {
  readonly activity: {
    /** Milliseconds that the counters of pushes and pulls are kept. */
    readonly retention: number;
    /**
     * `pushes`: people see who pushed what they can pull, and only administrators see who pulled. `all`: they see both.
     * `administrators`: only administrators see names at all. Everyone sees their own.
     */
    readonly names: 'pushes' | 'all' | 'administrators';
  };
};

export function readActivity(settings: Settings): ActivityConfig {
  const days = settings.integer('ACTIVITY_RETENTION_DAYS', { fallback: 90, minimum: 1, maximum: 3_650 });
  return {
    activity: {
      retention: days * day,
      names: settings.choice('ACTIVITY_NAMES', ['pushes', 'all', 'administrators'], 'pushes'),
    },
  };
}
