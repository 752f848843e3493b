/** Owns the reading of `WWW-Authenticate`, by which a registry sends its clients to the realm (RFC 9110, section 11.6.1). */

export type Challenge = {
  /** In small letters: "bearer". */
  readonly scheme: string;
  /** By name in small letters. */
  readonly parameters: Readonly<Record<string, string>>;
};

/** @returns null if the header is missing or isn't a challenge */
export function parseChallenge(header: string | undefined): Challenge | null {
  const [, scheme, rest = ''] = /^\s*([A-Za-z][\w-]*)\s*(.*)$/s.exec(header ?? '') ?? [];
  if (scheme === undefined) return null;
  const parameters: Record<string, string> = {};
  for (const [, name = '', quoted, plain] of rest.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g)) {
    parameters[name.toLowerCase()] = quoted?.replaceAll(/\\(.)/gs, '$1') ?? plain ?? '';
  }
  return { scheme: scheme.toLowerCase(), parameters };
}
