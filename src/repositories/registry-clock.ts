/** Owns how far the clock of a registry counts: its events have times of it, and so have deletions. */
import { minute } from '../lib/time.ts';

/** How far a registry's clock can be ahead of ours. */
const tolerance = 5 * minute;

/** A registry whose clock is wrong must not own a tag for years. Both in epoch milliseconds. */
export function atMostAhead(at: number, now: number): number {
  return Math.min(at, now + tolerance);
}
