/** Owns the page that shows what went wrong. */
import type { ErrorPage } from '../http/error-replies.ts';
import type { Refusal } from '../lib/errors.ts';
import type { Views } from '../web/views.ts';

/** What a page of an error is called where its code says more than that something failed. */
const errorTitles: Partial<Record<Refusal['code'], string>> = {
  unauthenticated: 'You’re signed out',
  denied: 'Not allowed',
  not_found: 'Not found',
  too_large: 'Too large',
  too_many_requests: 'Too many tries',
  unavailable: 'Not available right now',
};

export function createErrorPage(views: Views): ErrorPage {
  return (response, refusal, requestId) => {
    const { status, message } = refusal;
    const { returnTo, errorTitle }: { returnTo?: string; errorTitle?: string } = response.locals;
    const generalTitle = status < 500 ? 'That didn’t work' : 'Something went wrong';
    const title = errorTitle ?? errorTitles[refusal.code] ?? generalTitle;
    const query = returnTo === undefined ? '' : `?return_to=${encodeURIComponent(returnTo)}`;
    const signInHref = `${views.prefix}/sign-in${query}`;
    const home = refusal.code === 'not_found' ? homeNear(response.req.originalUrl.slice(views.prefix.length)) : ownHome;
    views.page(response, 'error', { status, title, message, requestId, signInHref, home }, status);
  };
}

const ownHome = { href: '/', label: 'Go to your passwords' };
/** By the beginning of the address that isn't there. */
const homes = [
  { begin: '/admin/', home: { href: '/admin', label: 'Go to the overview' } },
  { begin: '/repositories/', home: { href: '/repositories', label: 'Go to the repositories' } },
] as const;

function homeNear(path: string): { readonly href: string; readonly label: string } {
  return homes.find(({ begin }) => path.startsWith(begin))?.home ?? ownHome;
}
