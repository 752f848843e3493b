/** Owns the guess which word was meant. */

/**
 * The known word that takes the fewest changes of a letter, case aside, or `null`.
 * @param tolerance changes beyond which it is another word
 */
export function nearestWord(word: string, known: readonly string[], tolerance: number): string | null {
  // No fewer changes than the lengths differ by: most words are out before they are compared.
  const likely = known.filter(({ length }) => Math.abs(length - word.length) <= tolerance);
  const lowerCase = word.toLowerCase();
  const ranked = likely.map((name) => ({ name, distance: distance(lowerCase, name.toLowerCase(), tolerance) }));
  const nearest = ranked.sort((a, b) => a.distance - b.distance)[0];
  return nearest !== undefined && nearest.distance <= tolerance ? nearest.name : null;
}

/** How many characters must be put in, taken out or changed to make one word of the other (Levenshtein); infinite beyond the tolerance. */
function distance(from: string, to: string, tolerance: number): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [row, character] of [...from].entries()) {
    const current = [row + 1];
    let least = row + 1;
    for (let column = 1; column <= to.length; column += 1) {
      const change = (previous[column - 1] ?? 0) + (character === to[column - 1] ? 0 : 1);
      const changes = Math.min(change, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1);
      current.push(changes);
      least = Math.min(least, changes);
    }
    // It gets no less further down, and a start compares each variable of its environment with each setting.
    if (least > tolerance) return Number.POSITIVE_INFINITY;
    previous = current;
  }
  return previous[to.length] ?? 0;
}
