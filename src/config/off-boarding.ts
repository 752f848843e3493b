/** Owns the settings of how long a provider's word counts, and how often it is asked. */
import { day, hour, minute } from '../lib/time.ts';
import type { Settings } from './settings.ts';

export type OffBoardingConfig = {
  /** Milliseconds after which a person's groups are asked for again. */
  readonly groupsTtl: number;
  /** While the provider is silent: how long groups, and passwords for everything or only for pull, count. Milliseconds. */
  readonly gracePeriods: {
    readonly groups: number;
    readonly full: number;
    readonly pull: number;
    /** Passwords of people whose provider can't be asked, from their last sign-in on; `null`: forever. */
    readonly unchecked: number | null;
  };
  /** No setting decides `unchecked`: an installation of before there was a limit has none. */
  readonly uncheckedByDefault: boolean;
};

export function readOffBoarding(settings: Settings): OffBoardingConfig {
  const hours = (name: string, fallback: number) =>
    settings.integer(name, { fallback, minimum: 1, maximum: 24 * 365 }) * hour;
  const groupsTtl = settings.integer('GROUPS_TTL', { fallback: 15, minimum: 1, maximum: 24 * 60 }) * minute;
  const groups = hours('GROUPS_MAX_STALE', 24);
  const full = hours('OFFBOARDING_GRACE', 24);
  const pull = hours('OFFBOARDING_GRACE_PULL', full / hour);
  if (pull < full) settings.problem('OFFBOARDING_GRACE_PULL is shorter than OFFBOARDING_GRACE');
  if (groupsTtl > groups) settings.problem('GROUPS_TTL is longer than GROUPS_MAX_STALE');
  const unchecked = readUnchecked(settings);
  const uncheckedByDefault = settings.text('UNCHECKED_DAYS', '') === '';
  return { groupsTtl, gracePeriods: { groups, full, pull, unchecked }, uncheckedByDefault };
}

function readUnchecked(settings: Settings): number | null {
  const days = settings.integer('UNCHECKED_DAYS', { fallback: 30, minimum: 0, maximum: 3_650 });
  return days === 0 ? null : days * day;
}
