/** Owns the word for a client whose address isn't known. */

/**
 * In the place of an address where a trusted proxy names none that can be read. It isn't the proxy's, whose rules would count,
 * and rules by address are decided both ways.
 */
export const unknownAddress = 'unknown';
