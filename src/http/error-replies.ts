/** Owns what a page answers when it failed, or when there is no such page. */
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { errorCode, Refusal } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import type { Log } from '../lib/log.ts';
import type { RequesterReader } from './requester.ts';

export const notFound: RequestHandler = (_request, _response, next) => {
  next(new Refusal('not_found', 'We couldn’t find that page.'));
};

/** How a refusal is shown to a person. */
export type ErrorPage = (response: Response, refusal: Refusal, requestId: string) => void;

/** The one place that turns an error of a page into a reply: a page for a browser, JSON for a program. */
export function replyToErrors(parts: {
  log: Log;
  requesterOf: RequesterReader;
  page: ErrorPage;
}): (error: unknown, request: Request, response: Response, next: NextFunction) => void {
  return (error, request, response, _next) => {
    const { requestId } = parts.requesterOf(request);
    // A client that leaves during a download isn't an error.
    if (errorCode(error) === 'ERR_STREAM_PREMATURE_CLOSE') return;
    const refusal = toRefusal(error);
    if (refusal.status >= 500) parts.log.error({ err: refusal.cause ?? error, requestId }, refusal.message);
    if (response.headersSent) {
      if (!response.writableEnded) response.destroy();
      return;
    }
    response.status(refusal.status).setHeader('Cache-Control', 'no-store');
    if (refusal.retryAfter !== undefined) response.setHeader('Retry-After', String(refusal.retryAfter));
    if (wantsPage(request)) parts.page(response, refusal, requestId);
    else response.json({ errors: [{ code: refusal.code, message: refusal.message, requestId }] });
  };
}

/** The last of all: an error that comes after an error was answered would reach express, which prints it on its own. */
export function logLateErrors(log: Log): ReturnType<typeof replyToErrors> {
  return (error, _request, response, _next) => {
    log.error({ err: error }, 'an error came after the answer');
    if (!response.writableEnded) response.destroy();
  };
}

/** Characters. No browser sends more; negotiating over 64 KB would cost more than the request. */
const maximumAccept = 2_048;

function wantsPage(request: Request): boolean {
  const isShort = (request.headers.accept ?? '').length <= maximumAccept;
  return isShort && request.accepts(['json', 'html']) === 'html';
}

/** What programs send, by the type of the parser's error. */
const unreadable: Readonly<Record<string, string>> = {
  'entity.parse.failed': 'The body must be a valid JSON object, in UTF-8.',
  'charset.unsupported': 'Send the body in UTF-8.',
  'encoding.unsupported': 'Send the body uncompressed, or with Content-Encoding gzip, deflate or br.',
};

function unreadableAddress(error: unknown): string {
  return error instanceof URIError
    ? 'The address isn’t percent-encoded UTF-8. Check it.'
    : 'The request could not be read. Go back and try again.';
}

/** Errors of express and its parsers carry the status that they mean; everything else is our fault. */
function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const { status, type } = fieldsIn(error);
  if (status === 413) return new Refusal('too_large', 'The request is too large.', { cause: error });
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new Refusal('bad_request', unreadable[String(type)] ?? unreadableAddress(error), { cause: error });
  }
  return new Refusal('internal', 'Something went wrong. Try again; the log has the reason under this request id.', {
    cause: error,
  });
}
