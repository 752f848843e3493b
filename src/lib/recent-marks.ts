/**
 * Owns marks of texts that were seen lately, for those who need to know nothing more. They are outside of V8's heap, where
 * what outlives some hundred requests is expensive.
 */
import { randomInt } from 'node:crypto';
import { isRecent } from './time.ts';

export type RecentMarks = {
  /**
   * Whether the text has a mark that is younger than the window; otherwise it gets one. One in four billion texts that were
   * never seen has a mark, and a text loses its mark when another takes its place.
   * @param at epoch milliseconds
   */
  has(text: string, at: number): boolean;
};

/** @param places a power of two; 12 bytes each @param window milliseconds */
export function createRecentMarks(places: number, window: number): RecentMarks {
  const marks = new Uint32Array(places);
  const times = new Float64Array(places).fill(Number.NEGATIVE_INFINITY);
  // Unknown to those who choose the texts.
  const [seedOfPlace, seedOfMark] = [randomInt(2 ** 32), randomInt(2 ** 32)];
  return {
    has(text, at) {
      const place = hashOf(text, seedOfPlace) & (places - 1);
      const mark = hashOf(text, seedOfMark);
      if (marks[place] === mark && isRecent(times[place] ?? 0, at, window)) return true;
      marks[place] = mark;
      times[place] = at;
      return false;
    },
  };
}

/** MurmurHash3 of the text's UTF-16 units, each as one block: 32 bits. */
function hashOf(text: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < text.length; index++) {
    const block = Math.imul(text.charCodeAt(index), 0xcc9e2d51);
    hash ^= Math.imul((block << 15) | (block >>> 17), 0x1b873593);
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  hash ^= text.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
