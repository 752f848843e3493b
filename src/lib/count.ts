/** Owns how a count is written in a sentence. */

/** "1 rule", "2 rules". @param noun with a plural in -s */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
