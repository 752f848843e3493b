/** Owns what our cookies are called, and how those of a request are read. */
import { createHash } from 'node:crypto';

export type CookieNames = {
  readonly session: string;
  /** What it was called before names had a hash in them; those sessions go on until they end. */
  readonly earlierSession: string;
  /** How the names of begun sign-ins begin. */
  readonly attempts: string;
  readonly signedOut: string;
};

/**
 * A cookie belongs to a host, whatever the port (RFC 6265, section 8.5), and with `__Host-` whatever the path. So a hash of the
 * public URL is part of each name: two Dockpass on one host would sign people out of each other.
 * @param site the public URL with its prefix
 */
export function cookieNames(site: string, secure: boolean): CookieNames {
  // `__Host-` makes the browser refuse the cookie from another host or a plain connection; it needs https and `/`.
  const base = `${secure ? '__Host-' : ''}dockpass`;
  const hash = createHash('sha256').update(site.replace(/\/$/, '')).digest('base64url').slice(0, 8);
  const session = `${base}-${hash}`;
  return { session, earlierSession: base, attempts: `${session}-`, signedOut: `${base}-out-${hash}` };
}

export type Cookie = { readonly name: string; readonly value: string };

/** @param header of a request: `Cookie` */
export function readCookies(header: string | undefined): Cookie[] {
  return (header ?? '').split(';').flatMap((pair) => {
    const [, name = '', value = ''] = /^\s*([^=\s]+)=(.*)/.exec(pair) ?? [];
    return name === '' ? [] : [{ name, value: value.trimEnd() }];
  });
}
