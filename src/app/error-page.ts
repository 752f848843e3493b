/** Owns the page that shows what went wrong. */
import type { ErrorPage } from '../http/error-replies.ts';
import type { Refusal } from '../lib/errors.ts';
import type { Views } from '../web/views.ts';

/** What a page of an error is called where its code says more than that something failed. */
const errorTitles: Partial<Record<Refusal['code'], string>> = {
  unauthenticated: 'You’re signed out',
  denied: 'Administrators only',
  not_found: 'Not found',
  too_large: 'That is too much',
  too_many_requests: 'Too many tries',
  unavailable: 'Not available right now',
};

export function createErrorPage(views: Views): ErrorPage {
  return (response, refusal, requestId) => {
    const { status, message } = refusal;
    const title = errorTitles[refusal.code] ?? (status < 500 ? 'That didn’t work' : 'Something went wrong');
    const { returnTo }: { returnTo?: string } = response.locals;
    const query = returnTo === undefined ? '' : `?return_to=${encodeURIComponent(returnTo)}`;
    const signInHref = `${views.prefix}/sign-in${query}`;
    views.page(response, 'error', { status, title, message, requestId, signInHref }, status);
  };
}
