/** Owns what a client is called on a page: "docker 28.2.2", "Firefox on Linux"; the whole User-Agent is for the log. */

/** Browsers all claim to be Mozilla; what distinguishes them comes later in the header; the most specific comes first here. */
const browsers = [
  [/\bEdg\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\//, 'Firefox'],
  [/Chrome\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
] as const;
const systems = [
  [/\b(iPhone|iPad)\b/, 'iOS'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
] as const;

export function userAgentName(userAgent: string): string {
  const browser = browsers.find(([mark]) => mark.test(userAgent))?.[1];
  const system = systems.find(([mark]) => mark.test(userAgent))?.[1];
  if (browser === undefined) return toolName(userAgent);
  return system === undefined ? browser : `${browser} on ${system}`;
}

/** The first product of a User-Agent (RFC 9110, 10.1.5) is the tool; what follows is its engine, kernel and so on. */
function toolName(userAgent: string): string {
  const product = /^([^\s/()]+)(?:\/(\S+))?/.exec(userAgent);
  if (product === null) return 'an unnamed client';
  return [product[1], product[2]].filter((part) => part !== undefined).join(' ');
}
