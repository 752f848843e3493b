/** Owns where a sign-in is begun: at the public URL's host, also by a provider (OpenID Connect Core 1.0, section 4). */
import type { Request, RequestHandler } from 'express';
import { fieldsIn } from '../lib/json.ts';
import { readForm } from './fields.ts';
import { safeReturnTo } from './return-to.ts';

export type SiteParts = {
  /** With the prefix, and without a slash at its end. */
  readonly publicUrl: string;
  /** Path prefix of all pages: '' or '/dockpass'. */
  readonly prefix: string;
};

const checked = 'at';

/**
 * The provider sends the browser back to the public URL, where cookies of another host aren't: a sign-in that is begun elsewhere
 * would end as "not started in this browser". @returns where to begin instead; `null` where this is the place
 */
export function properAddress({ publicUrl, prefix }: SiteParts, request: Request): string | null {
  const { protocol, host, origin } = new URL(publicUrl);
  // Of a proxy that names itself in Host, every request looks as if it came to another host: it's sent on one time.
  if (request.query[checked] === 'public-url' || URL.parse(`${protocol}//${request.host}`)?.host === host) return null;
  const asked = URL.parse(request.originalUrl, origin);
  if (asked === null || !asked.pathname.startsWith(`${prefix}/`)) return null;
  const address = new URL(origin);
  address.pathname = asked.pathname;
  address.search = asked.search;
  address.searchParams.set(checked, 'public-url');
  return address.href;
}

/** The page that someone else asks for: ours, or the first one. */
export function targetOf({ publicUrl, prefix }: SiteParts, link: unknown): string {
  const url = typeof link === 'string' ? URL.parse(link) : null;
  return safeReturnTo(url?.origin === new URL(publicUrl).origin ? url.pathname + url.search : undefined, prefix);
}

/** What a provider or a portal says about who is to sign in; `undefined` for anything but a name as people have them. */
export function loginHintOf(hint: unknown): string | undefined {
  return typeof hint === 'string' && /^[^\p{Cc}\p{Cs}]{1,254}$/u.test(hint) ? hint : undefined;
}

/** POST /sign-in/:provider, from a provider's list of applications: the same as GET. It changes nothing, wherever it's sent from. */
export function createBeginByPost({ publicUrl, prefix }: SiteParts): RequestHandler[] {
  return [
    readForm,
    (request, response) => {
      const { target_link_uri: target, login_hint: hint } = fieldsIn(request.body);
      const query = new URLSearchParams({ return_to: targetOf({ publicUrl, prefix }, target) });
      const loginHint = loginHintOf(hint);
      if (loginHint !== undefined) query.set('login_hint', loginHint);
      response.redirect(303, `${prefix}/sign-in/${encodeURIComponent(String(request.params['provider']))}?${query}`);
    },
  ];
}
