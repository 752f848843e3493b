/** Owns how a count is written in a sentence. */

/** "1 rule", "2 rules". @param plural of a noun whose plural doesn't end in -s alone */
export function countOf(count: number, noun: string, plural?: string): string {
  return `${count} ${wordFor(count, noun, plural)}`;
}

/** "rule" for one, "rules" for any other number, which is written elsewhere; also for verbs: "works", "work". */
export function wordFor(count: number, one: string, several = `${one}s`): string {
  return count === 1 ? one : several;
}
