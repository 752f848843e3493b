/** Owns when too many people have lost something at the same time for it to be true of each of them. */

/** Of all, the part that can leave in a day before someone has to look. */
export const usualPart = 0.2;
/** In a small team two are more than that part. */
const usualNumber = 2;
/** Of fewer people no one is ever held back, or the leavers of a tiny domain would stay forever. */
const smallestTeam = 5;

/** @param leaving how many leave, or did within the last day  @param all how many there were */
export function isTooMany(leaving: number, all: number): boolean {
  return all >= smallestTeam && leaving > Math.max(usualNumber, all * usualPart);
}
