/** Refuses what another site makes a signed-in browser send. */
import type { RequestHandler } from 'express';
import { Refusal } from '../lib/errors.ts';

/**
 * As Go 1.25's CrossOriginProtection does: by Sec-Fetch-Site,
 * by Origin where that is missing, and lets through anything that isn't a browser.
 * @param origin the configured public origin; the Host header is the client's choice
 */
export function refuseCrossSite(origin: string): RequestHandler {
  return (request, _response, next) => {
    const site = request.headers['sec-fetch-site'];
    const safe = request.method === 'GET' || request.method === 'HEAD' || request.method === 'OPTIONS';
    const same =
      site === undefined
        ? request.headers.origin === undefined || request.headers.origin === origin
        : site === 'same-origin' || site === 'none';
    if (safe || same) return next();
    next(new Refusal('denied', 'This request came from another site. Open the page here and try again.'));
  };
}
