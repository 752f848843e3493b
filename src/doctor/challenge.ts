/** Owns the reading of `WWW-Authenticate`, by which a registry sends its clients to the realm (RFC 9110, section 11.6.1). */

export type Challenge = {
  /** In small letters: "bearer". */
  readonly scheme: string;
  /** By name in small letters. */
  readonly parameters: Readonly<Record<string, string>>;
};

/** A parameter; else the name of a scheme, which only the header or a comma comes before; else what is neither, left out. */
const pieces =
  /([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"=][^\s,"]*))|(?<=(?:^|,)\s*)([A-Za-z][\w-]*)(?=[\s,]|$)|[^\s,]+/gs;

/** @param header several headers are joined by commas, as Node does it; what isn't a challenge is left out */
export function parseChallenges(header = ''): Challenge[] {
  const challenges: { readonly scheme: string; readonly parameters: Record<string, string> }[] = [];
  for (const [, name, quoted, plain, scheme] of header.matchAll(pieces)) {
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: {} });
    const parameters = challenges.at(-1)?.parameters;
    if (name === undefined || parameters === undefined) continue;
    parameters[name.toLowerCase()] = quoted?.replaceAll(/\\(.)/gs, '$1') ?? plain ?? '';
  }
  return challenges;
}

/** @param scheme in small letters */
export function findChallenge(header: string | undefined, scheme: string): Challenge | undefined {
  return parseChallenges(header).find((challenge) => challenge.scheme === scheme);
}
