/** Owns the page that shows what went wrong. */
import type { Request } from 'express';
import type { ErrorPage } from '../http/error-replies.ts';
import type { Refusal } from '../lib/errors.ts';
import { homeNear, ownHome } from '../web/navigation.ts';
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
    const path = response.req.originalUrl.slice(views.prefix.length);
    // Someone who isn't allowed to see a page isn't led to its neighbors.
    const home = refusal.code === 'denied' ? ownHome : homeNear(path);
    const said = `${message}${adviceFor(response.req, path, refusal)}`;
    views.page(response, 'error', { status, title, message: said, requestId, signInHref, home }, status);
  };
}

/** Forms that make a single thing, however often they're sent. */
const sentAgain = /^(?:(?:\/admin)?\/robots\/[^/]+)?\/passwords$|^\/admin\/tokens\/new$/;

function adviceFor({ method }: Request, path: string, { code }: Refusal): string {
  const helps = code === 'unavailable' && method === 'POST' && sentAgain.test(path);
  return helps ? ' Reload this page to send the form again.' : '';
}
