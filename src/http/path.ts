/** Reads the path that a request asks for. */
import type { IncomingMessage } from 'node:http';

/**
 * The target of a request as a path and a query, however it was written (RFC 9112, section 3.2): an absolute address loses its
 * host, of which nothing here depends. `*` stays.
 * @returns `null` for what is none of these
 */
export function originFormOf(target: string): string | null {
  if (target.startsWith('/') || target === '*') return target;
  const [, authority, rest = ''] = /^https?:\/\/([^/?#]+)(.*)$/is.exec(target) ?? [];
  // Percent-encoded, a host is read differently by different parsers.
  if (authority === undefined || authority.includes('%') || URL.parse(target) === null) return null;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** The path of the request target, without the query; absolute targets, too. */
export function pathOf({ url = '/' }: Pick<IncomingMessage, 'url'>): string {
  const target = originFormOf(url);
  if (target === null || target === '*') return '/';
  const end = target.indexOf('?');
  return end < 0 ? target : target.slice(0, end);
}
